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
# is until it is in its place. From then on it is descriptor 4, and not a name that others can take.
ch_file_open() {
ch_into "$1" || return
if [ -d "./${1##*/}" ] && [ ! -L "./${1##*/}" ]; then
ch_say "$1 is a directory"
return 1
fi
ch_made=$2
umask "$3"
shift 3
ch_beside "$@"
ch_x=./${ch_x#"$ch_at"/}
set -C
command exec 4>"$ch_x" && ch_t=$ch_x
ch_v=$?
set +C
umask 022
return "$ch_v"
}
# Whether a file is what it was when it was looked at: path, hash; an empty one for nothing there.
ch_file_still() {
ch_into "$1" || return
ch_here=./${1##*/}
if [ -f "$ch_here" ] && [ ! -L "$ch_here" ]; then
ch_v=$(sha256sum <"$ch_here")
[ "${ch_v%% *}" != "$2" ] || return 0
elif [ -z "$2" ] && [ ! -e "$ch_here" ] && [ ! -L "$ch_here" ]; then
return
fi
ch_say "$1 has changed since it was looked at"
return 1
}
# What is about to be replaced: path, the length that it had.
# Whoever gets it holds its hash against what was looked at.
ch_file_before() {
if ch_to "$1"; then
ch_x=./${1##*/}
[ ! -f "$ch_x" ] || [ -L "$ch_x" ] || ch_before "$2" 3<"$ch_x"
elif [ "$ch_astray" ]; then
return 1
fi
ch_mark before "$ch_step"
}
ch_before() { [ -L "$ch_x" ] || [ ! "$ch_x" -ef /proc/self/fd/3 ] || head -c "$1" <&3; }
# Keeps what is about to be replaced: path, name. Of all that is kept beside the path, the five whose
# content is newest stay.
ch_file_keep() {
ch_into "$1" || return
set -- "./${1##*/}" "./${2##*/}"
[ -e "$2" ] || [ -L "$2" ] || ln -- "$1" "$2" 2>/dev/null || cp -p -P -- "$1" "$2" || return
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
ch_into "$1" || return
ch_here=./${1##*/}
[ -f "$ch_here" ] && [ ! -L "$ch_here" ] || {
ch_say "$1 has changed since it was looked at"
return 1
}
if [ -r "$ch_here" ]; then
ch_outside_of "$@" 3<"$ch_here"
else
shift
ch_outside "$ch_here" "$@"
fi
}
ch_outside_of() {
ch_is_here "$1" || return
shift
ch_outside /proc/self/fd/3 "$@"
}
# Content, as it is or packed: length and text. Arguments of a program are public on a machine, and
# content may hold secrets, so only a shell that prints by itself may do so. It does not say why it
# cannot; a program does.
ch_text() {
[ "$ch_print" = printf ] && printf %s "$2" >>/proc/self/fd/4 2>/dev/null && return
: >/proc/self/fd/4 && head -c "$1" >>/proc/self/fd/4 <<_
$2
_
}
ch_plain() { base64 -d >&4; }
ch_packed() { base64 -d | gzip -dc >&4; }
# Gives it its outside, and notes what will stand at its path: path, mode, owner, group, whether
# that is what is to be (and not only what was wished for), hash where it is not looked at later;
# then the record, fingerprint and token of the change.
ch_file_ready() {
ch_p=$1 ch_y=$2 ch_o=$3 ch_g=$4
[ -z "$6" ] || {
ch_v=$(sha256sum </proc/self/fd/4)
[ "${ch_v%% *}" = "$6" ] || {
ch_say "what was to be written to $1 did not arrive whole"
return 1
}
}
ch_here=./${1##*/}
if [ -z "$5" ] && [ -f "$ch_here" ] && [ ! -L "$ch_here" ]; then
ch_v=$(stat -c '%a %u:%g' -- "$ch_here") || return
ch_y=${ch_y:-${ch_v% *}} ch_v=${ch_v#* }
ch_o=${ch_o:-${ch_v%:*}} ch_g=${ch_g:-${ch_v#*:}}
fi
case $ch_uid:$ch_o:$ch_g in
*::) ;;
0:root:root | 0:root: | 0::root | 0:0:0) [ ! -g . ] || ch_outside /proc/self/fd/4 '' "$ch_o" "$ch_g" || return ;;
*) ch_outside /proc/self/fd/4 '' "$ch_o" "$ch_g" || return ;;
esac
[ "${ch_y:-$ch_made}" = "$ch_made" ] || chmod -- "$ch_y" /proc/self/fd/4 || return
shift 6
ch_note "$@" || return
exec 4>&-
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
ch_into "$1" || return
ch_p=$1 ch_here=./${1##*/} ch_z=
shift
ch_beside "$@"
[ -L "$ch_here" ] || [ ! -f "$ch_here" ] || ch_z=1
if [ "$ch_z" ] && [ "$ch_x" = "${3-}" ] && [ ! -e "$ch_x" ]; then
case $ch_stood in
*"
$ch_p
"*) ;;
*) ch_z= ;;
esac
else
ch_t=./${ch_x#"$ch_at"/}
ch_rename "$ch_here" || return
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
# Arguments: what nobody can put anything else in the place of, such as a descriptor or this directory;
# mode, owner, group. The owner first: a change of owner clears mode bits.
ch_outside() {
if [ -n "$3" ]; then
chown -- "$3${4:+:$4}" "$1" || return
elif [ -n "$4" ]; then
chown -- ":$4" "$1" || return
fi
[ -z "$2" ] || chmod -- "$2" "$1"
}
# Puts the temporary file or link in its place, never into a directory there.
ch_rename() {
[ ! -L "$1" ] || [ ! -d "$1" ] || [ -z "$ch_fussy" ] || rm -f -- "$1" || return
ch_move "$ch_t" "$1" && ch_t=
}
# Moves something to a name. Most know to take that for a name whatever it is; busybox's refuses where a
# link there leads to a directory, and older ones do not know how to.
ch_flat=-fT ch_fussy=
ch_move() {
mv $ch_flat -- "$1" "$2" 2>/dev/null && return
ch_v=$(mv $ch_flat -- "$1" "$2" 2>&1) && return
case $ch_v in
*' option'*) ch_flat=-f ;;
esac
if [ -L "$2" ] && [ -d "$2" ]; then
ch_fussy=1
rm -f -- "$2" || return
elif [ -d "$2" ] && [ ! -d "$1" ]; then
ch_say "$2 is a directory"
return 1
fi
mv $ch_flat -- "$1" "$2"
}
