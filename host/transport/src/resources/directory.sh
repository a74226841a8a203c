# Makes directories that are not there: mode, paths. They are in `ch_those` until the list goes on to
# something else. What cannot be made so is made alone, or says why not.
ch_those=
ch_directories() {
ch_y=${1:-755}
shift
for ch_v; do
shift
[ -e "$ch_v" ] || [ -L "$ch_v" ] || set -- "$@" "$ch_v"
done
[ $# -gt 1 ] && mkdir -p -m "$ch_y" -- "$@" 2>/dev/null || return 0
for ch_v; do ch_those="$ch_those
$ch_v
"; done
}
# A directory: path, mode, owner, group.
ch_directory() {
case $ch_those in
*"
$1
"*) return ;;
esac
if [ -L "$1" ] || { [ -e "$1" ] && [ ! -d "$1" ]; }; then
ch_say "$1 is in the way and no directory"
return 1
fi
if [ -d "$1" ]; then
ch_outside "$1" "$2" "$3" "$4"
else
mkdir -p -m "${2:-755}" -- "$1" && ch_outside "$1" "${3:+$2}" "$3" "$4"
fi
}
