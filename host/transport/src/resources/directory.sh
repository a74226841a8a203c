# Makes directories that are not there: mode, paths. They are in `ch_those` until the list goes on to
# something else. What cannot be made so is made alone, or says why not.
ch_those=
ch_directories() {
ch_o=${1:-755} ch_fd=2 ch_dir=- ch_line=
shift
for ch_p; do
shift
[ "${ch_p%/*}" = "$ch_dir" ] || {
[ "$ch_fd" -lt 9 ] || continue
ch_way= ch_dir=${ch_p%/*}
ch_down "$ch_p" && ch_hold
}
ch_v=${ch_p##*/}
case $ch_way in
/proc/*) ;;
*) continue ;;
esac
ch_within "$ch_real/$ch_v" || continue
[ -e "./$ch_v" ] || [ -L "./$ch_v" ] || {
set -- "$@" "$ch_way/$ch_v"
ch_line="$ch_line$ch_nl$ch_p$ch_nl"
}
done
ch_back
[ $# -gt 1 ] && mkdir -m "$ch_o" -- "$@" 2>/dev/null && ch_those=$ch_those$ch_line
ch_unpin
}
# A directory: path, mode, owner, group.
ch_directory() {
case $ch_those in
*"
$1
"*) return ;;
esac
ch_down "$1" || return
ch_here=./${1##*/} ch_y=$2
if [ -L "$ch_here" ] || { [ -e "$ch_here" ] && [ ! -d "$ch_here" ]; }; then
ch_say "$1 is in the way and no directory"
return 1
fi
[ -d "$ch_here" ] || {
mkdir -m "${2:-755}" -- "$ch_here" || return
[ "$3$4" ] || return 0
ch_y=${3:+$2}
}
ch_deeper "$ch_here" && ch_outside . "$ch_y" "$3" "$4"
}
# Goes to the directory of a path, and makes what is missing of it.
ch_down() {
ch_x=${1%/*} ch_y=
case $1 in
/*) ;;
*) ch_back ;;
esac
until [ -d "${ch_x:-/}" ]; do
ch_y=${ch_x##*/}/$ch_y ch_x=${ch_x%/*}
done
if [ -z "$ch_y" ]; then
ch_into "$1"
return
fi
ch_go "${ch_x:-/}" || {
ch_say "permission denied: ${ch_x:-/}"
return 1
}
ch_within "$ch_real/$ch_y${1##*/}" || ch_stray "$1" "$ch_real/$ch_y${1##*/}" || return
while [ "$ch_y" ]; do
ch_x=./${ch_y%%/*} ch_y=${ch_y#*/}
[ -d "$ch_x" ] || mkdir -m 755 -- "$ch_x" || return
ch_deeper "$ch_x" || return
done
}
# Goes to a directory in this one, and to nothing that has taken its place.
ch_deeper() {
ch_b=$ch_real/${1#./}
ch_go "$1" && [ "$ch_real" = "$ch_b" ] || {
ch_say "$ch_b has changed since it was looked at"
return 1
}
}
