# Packages by pacman, which starts no services.
ch_pacman_there() { ch_has pacman; }
ch_pacman_look() {
for ch_x; do
ch_y=$(pacman -Q -- "$ch_x" </dev/null 2>/dev/null) || continue
case $ch_y in
"$ch_x "*) printf 'installed %s\n' "$ch_y" ;;
*) printf 'provided %s %s\n' "$ch_x" "${ch_y%% *}" ;;
esac
done
}
ch_pacman() { pacman --noconfirm "$@" </dev/null >&2; }
ch_pacman_install() {
ch_pacman -S --needed -- "$@" || { ch_pacman -Sy && ch_pacman -S --needed -- "$@"; }
}
ch_pacman_traces() {
case $(pacman -Q -- "$1" </dev/null 2>/dev/null) in
"$1 "*) ;;
*) return 1 ;;
esac
}
ch_pacman_remove() { ch_pacman -R -- "$@"; }
