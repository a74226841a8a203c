# A file is written beside its place, in a step of its own, and renamed there in a later one, so that
# many are made to last at once. Until then `ch_sweep`, which the request defines, knows their names.
ch_sweep() { :; }
# Which of these directories are root's own and can be written by nobody else.
ch_ways() {
ch_way=
[ "$ch_uid" != 0 ] || ch_way="
$(stat -c '%u %a %F %n' -- "$@" 2>/dev/null </dev/null)
"
}
# Whether nobody but root can put anything into a directory, nor another one in its place.
ch_is_ours() {
ch_x=$1
while :; do
case $ch_way in
*"
0 "[0-7][0145][0145]" directory ${ch_x:-/}
"*) ;;
*) return 1 ;;
esac
[ "$ch_x" ] || return 0
ch_x=${ch_x%/*}
done
}
# Makes nests, which are directories of our own in others, where it is sure that they stay ours: number,
# directory and name of each. Files come to be there under their last names, so that one program puts all
# of them in their places.
ch_nests() {
ch_i=$# ch_nested= ch_stood=
while [ "$ch_i" -gt 0 ]; do
ch_v=$1 ch_p=$2 ch_y=$3 ch_i=$((ch_i - 3))
shift 3
ch_is_ours "$ch_p" || continue
set -- "$@" "$ch_y"
ch_nested="$ch_nested $ch_v"
done
[ $# -eq 0 ] || mkdir -m 700 -- "$@" 2>/dev/null </dev/null
}
# Takes nests away, with what is still in them: number and name of each.
ch_unnest() {
ch_i=$#
while [ "$ch_i" -gt 0 ]; do
ch_v=$1 ch_x=$2 ch_i=$((ch_i - 2))
shift 2
case " $ch_nested " in
*" $ch_v "*) set -- "$@" "$ch_x" ;;
esac
done
ch_nested=
[ $# -eq 0 ] || rm -rf -- "$@" 2>/dev/null </dev/null
}
# Tells in `ch_x` where a file is until it is in its place: its name beside that; then, where there may
# be a nest for it, the number of the nest and its name there.
ch_beside() {
ch_x=$1
[ $# -eq 3 ] || return 0
case " $ch_nested " in
*" $2 "*) [ ! -d "${3%/*}" ] || ch_x=$3 ;;
esac
}
# Opens a new one: path, mode that it has from the beginning, what is masked out for that, and where it
# is until it is in its place.
ch_file_open() {
if [ -d "$1" ] && [ ! -L "$1" ]; then
ch_say "$1 is a directory"
return 1
fi
ch_p=${1%/*}
[ -d "${ch_p:-/}" ] || {
ch_say "there is no directory ${ch_p:-/}"
return 1
}
ch_made=$2
umask "$3"
shift 3
ch_beside "$@"
set -C
printf '' >"$ch_x" && ch_t=$ch_x
ch_v=$?
set +C
umask 022
return "$ch_v"
}
# Whether a file is what it was when it was looked at: path, hash; an empty one for nothing there.
ch_file_still() {
if [ -f "$1" ] && [ ! -L "$1" ]; then
ch_v=$(sha256sum <"$1")
[ "${ch_v%% *}" != "$2" ] || return 0
elif [ -z "$2" ] && [ ! -e "$1" ] && [ ! -L "$1" ]; then
return
fi
ch_say "$1 has changed since it was looked at"
return 1
}
# What is about to be replaced: path, the length that it had.
ch_file_before() {
[ ! -f "$1" ] || [ -L "$1" ] || head -c "$2" <"$1"
ch_mark before "$ch_step"
}
# Keeps what is about to be replaced: path, name. Of all that is kept beside the path, the five whose
# content is newest stay.
ch_file_keep() {
[ -e "$2" ] || [ -L "$2" ] || ln -- "$1" "$2" 2>/dev/null || cp -p -- "$1" "$2" || return
while :; do
ch_i=0 ch_old=
for ch_x in "$1".cellhost-????????????; do
[ -f "$ch_x" ] && [ ! -L "$ch_x" ] || continue
ch_i=$((ch_i + 1))
[ "$ch_x" = "$2" ] || { [ "$ch_old" ] && [ ! "$ch_x" -ot "$ch_old" ]; } || ch_old=$ch_x
done
[ "$ch_i" -gt 5 ] || return 0
rm -f -- "$ch_old" || return
done
}
# Only the outside of a file: path, mode, owner, group.
ch_file_outside() {
[ -f "$1" ] && [ ! -L "$1" ] || {
ch_say "$1 has changed since it was looked at"
return 1
}
ch_outside "$@"
}
# Content, as it is or packed: length and text. Arguments of a program are public on a machine, and
# content may hold secrets, so only a shell that prints by itself may do so. It does not say why it
# cannot; a program does.
ch_text() {
[ "$ch_print" = printf ] && printf %s "$2" >>"$ch_t" 2>/dev/null && return
: >"$ch_t" && head -c "$1" >>"$ch_t" <<_
$2
_
}
ch_plain() { base64 -d >>"$ch_t"; }
ch_packed() { base64 -d | gzip -dc >>"$ch_t"; }
# Gives it its outside, and notes what will stand at its path: path, mode, owner, group, whether
# that is what is to be (and not only what was wished for), hash where it is not looked at later;
# then the record, fingerprint and token of the change.
ch_file_ready() {
ch_p=$1 ch_y=$2 ch_o=$3 ch_g=$4
[ -z "$6" ] || {
ch_v=$(sha256sum <"$ch_t")
[ "${ch_v%% *}" = "$6" ] || {
ch_say "what was to be written to $1 did not arrive whole"
return 1
}
}
if [ -z "$5" ] && [ -f "$1" ] && [ ! -L "$1" ]; then
ch_v=$(stat -c '%a %u:%g' -- "$1") || return
ch_y=${ch_y:-${ch_v% *}} ch_v=${ch_v#* }
ch_o=${ch_o:-${ch_v%:*}} ch_g=${ch_g:-${ch_v#*:}}
fi
case $ch_uid:$ch_o:$ch_g in
*::) ;;
0:root:root | 0:root: | 0::root | 0:0:0) [ ! -g "${1%/*}/" ] || ch_outside "$ch_t" '' "$ch_o" "$ch_g" || return ;;
*) ch_outside "$ch_t" '' "$ch_o" "$ch_g" || return ;;
esac
[ "${ch_y:-$ch_made}" = "$ch_made" ] || chmod -- "$ch_y" "$ch_t" || return
shift 6
ch_note "$@" || return
ch_t=
}
# Whether files hold what they should: pairs of hash and name. Those that never came to be are none.
ch_arrived() {
ch_i=$# ch_line=
while [ "$ch_i" -gt 0 ]; do
ch_v=$1 ch_x=$2 ch_i=$((ch_i - 2))
shift 2
[ -e "$ch_x" ] || continue
set -- "$@" "$ch_x"
ch_line="$ch_line$ch_v  $ch_x
"
done
[ $# -gt 0 ] || return 0
ch_v=$(sha256sum -- "$@") || return
[ "$ch_v
" = "$ch_line" ] || {
ch_say 'what was to be written did not arrive whole'
return 1
}
}
# Puts all that came to be in a nest in its place: number, directory, names there. What does not go this
# way goes alone, or says why it cannot. In `ch_stood` is what had a file before.
ch_together() {
case " $ch_nested " in
*" $1 "*) ;;
*) return 0 ;;
esac
ch_p=$2
shift 2
for ch_v; do
shift
[ -f "$ch_v" ] || continue
set -- "$@" "$ch_v"
ch_x=$ch_p/${ch_v##*/}
[ -L "$ch_x" ] || [ ! -f "$ch_x" ] || ch_stood="$ch_stood
$ch_x
"
done
[ $# -eq 0 ] || mv -f -- "$@" "$ch_p/" 2>/dev/null || return 0
}
# Puts it in its place: path, and where it is until then.
ch_file_put() {
ch_p=$1 ch_z=
shift
ch_beside "$@"
[ -L "$ch_p" ] || [ ! -f "$ch_p" ] || ch_z=1
if [ "$ch_z" ] && [ "$ch_x" = "${3-}" ] && [ ! -e "$ch_x" ]; then
case $ch_stood in
*"
$ch_p
"*) ;;
*) ch_z= ;;
esac
else
ch_t=$ch_x
ch_rename "$ch_p" || return
fi
ch_unit_put
}
# A service manager reads a unit that is new to it by itself, and all others when it is told to. Those
# that are new are in `ch_fresh`.
ch_unit_put() {
case $ch_z:$ch_p in
*/init.d/* | 1:*/systemd/* | *:*/systemd/*.d/*) ch_reload=1 ;;
*/systemd/system/*)
for ch_z in /lib /usr/lib /run; do
[ ! -e "$ch_z/systemd/system/${ch_p##*/}" ] || ch_reload=1
done
ch_fresh="$ch_fresh ${ch_p##*/}"
;;
esac
}
# Makes files and directories outlive a loss of power, as well as this machine can.
ch_sync() {
sync "$@" && return
# It failed, or knows no names.
sync / 2>/dev/null && return 1
sync
}
# The same for those that have come to be.
ch_last() {
for ch_v; do
shift
[ ! -e "$ch_v" ] || set -- "$@" "$ch_v"
done
[ $# -eq 0 ] || ch_sync "$@"
}
# Arguments: path, mode, owner, group. The owner first: a change of owner clears mode bits.
ch_outside() {
if [ -n "$3" ]; then
chown -h -- "$3${4:+:$4}" "$1" || return
elif [ -n "$4" ]; then
chown -h -- ":$4" "$1" || return
fi
[ -z "$2" ] || chmod -- "$2" "$1"
}
# Puts the temporary file or link in its place, never into a directory there.
ch_rename() {
if [ ! -d "$1" ]; then
mv -f -- "$ch_t" "$1" || return
elif ! mv -f -T -- "$ch_t" "$1" 2>/dev/null; then
# A link to a directory, and a mv that cannot replace it at once.
[ -L "$1" ] && rm -f -- "$1" && mv -f -- "$ch_t" "$1" || return
fi
ch_t=
}
