# While a program runs, something is in the mark of what it makes, so that what it left half made is not
# taken for the whole. An empty mark says nothing, and one that is not empty is only added to: written
# anew, it would be empty for a moment.
#
# A mark that has to last is waited for, so the marks of a list are made to last at once, by a line that
# says since which start of the machine their programs are planned. Each begins with a line more, which
# need not last: where power is lost, the machine starts anew, and what was planned before counts as begun.
ch_planned=
# Plans programs: their marks.
ch_plan() {
ch_y=
{ IFS= read -r ch_y </proc/sys/kernel/random/boot_id; } 2>/dev/null
[ "$ch_y" ] && ch_memory "${1%/*}" || return
for ch_v; do
shift
[ -s "$ch_v" ] || { printf 'planned %s\n' "$ch_y" >"$ch_v" && set -- "$@" "$ch_v"; }
done
[ $# -eq 0 ] || { ch_lasts "$@" && ch_planned=" $* "; }
}
# Whether a program was begun and did not end well: its mark.
ch_is_begun() {
[ -s "$1" ] || return 1
ch_x= ch_y= ch_z=
{
{ IFS= read -r ch_x && IFS= read -r ch_y; } <"$1"
IFS= read -r ch_z </proc/sys/kernel/random/boot_id
} 2>/dev/null
[ -z "$ch_z" ] || [ "$ch_x" != "planned $ch_z" ] || [ "$ch_y" ]
}
# The same for some, a letter each.
ch_marks() {
for ch_v; do if ch_is_begun "$ch_v"; then printf b; else printf .; fi; done
ch_mark marks
}
# Runs `ch_cmd` where nothing stands at a path, or half of it: user, path, mark, seconds.
ch_creation() {
ch_c= ch_p=$2 ch_m=$3 ch_d=$4
[ -z "$1" ] || id -u -- "$1" >/dev/null || return
ch_memory "${ch_m%/*}" || return
ch_is_begun "$ch_m" || printf '%s\n' "$ch_p" >>"$ch_m" || return
case $ch_planned in
*" $ch_m "*) ;;
*) ch_lasts "$ch_m" ;;
esac
# A limit of our own would have to be called off, and a shell may miss a signal as it begins.
ch_most=
ch_limit "$ch_d"
ch_cmd </dev/null &
ch_c=$! ch_maker=$!
wait "$ch_c"
ch_w=$? ch_maker=
ch_most=
ch_signal KILL 2>/dev/null
case $ch_w in
0) ;;
124 | 137 | 143)
ch_say "no end within $ch_d s, or it was ended: status $ch_w"
return 1
;;
*)
ch_say "it ended with status $ch_w"
return 1
;;
esac
[ -e "$ch_p" ] || [ -L "$ch_p" ] || {
ch_say "it ended well, and nothing stands at $ch_p"
return 1
}
printf '' >"$ch_m"
}
# Takes away marks that say nothing.
ch_unmark() {
ch_planned=
for ch_v; do
shift
[ ! -f "$ch_v" ] || ch_is_begun "$ch_v" || set -- "$@" "$ch_v"
done
[ $# -eq 0 ] || rm -f -- "$@"
}
# Ends a program that nobody waits for any more, and waits for that: whoever comes next begins anew.
ch_creation_end() {
ch_c=$ch_maker
ch_stop
}
