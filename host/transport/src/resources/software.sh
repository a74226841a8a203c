# Packages, by whichever manager this machine has: functions named after it do the same for each.
ch_pm=
ch_manager() {
[ -z "$ch_pm" ] || return 0
for ch_pm in apt apk dnf pacman; do "ch_${ch_pm}_there" && return; done
ch_pm=
ch_say 'there is no package manager that is known here: none of apt, apk, dnf and pacman'
return 1
}
ch_software_look() {
ch_manager || return
"ch_${ch_pm}_look" "$@"
ch_mark software
}
# Arguments: whether services may start (yes or no), then NAME or NAME=VERSION.
ch_install() {
ch_start=$1
shift
ch_manager && "ch_${ch_pm}_install" "$@" || return
for ch_x; do
case $ch_x in
*=*) ch_has_version "${ch_x%%=*}" "${ch_x#*=}" || return ;;
esac
done
}
# A manager may call it a success to keep the version that is there.
ch_has_version() {
case "
$("ch_${ch_pm}_look" "$1" 2>/dev/null) " in
*"
installed $1 $2 "* | *"
installed $1 $2
"*) return ;;
esac
ch_say "$ch_pm did not install version $2 of $1: it may be older than the one that is there, or held"
return 1
}
ch_uninstall() {
ch_manager || return
for ch_x; do
shift
"ch_${ch_pm}_traces" "$ch_x" && set -- "$@" "$ch_x"
done
[ $# -eq 0 ] || "ch_${ch_pm}_remove" "$@"
}
