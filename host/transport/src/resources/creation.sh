# Runs `ch_cmd` where nothing stands at a path, or half of it: user, path, mark, seconds. Something is in
# the mark while it runs, so that what a program left half made is not taken for the whole. An empty
# mark says nothing, and one that is not empty is never written anew: it would be empty for a moment.
ch_creation() {
ch_c= ch_p=$2 ch_m=$3 ch_d=$4
[ -z "$1" ] || id -u -- "$1" >/dev/null || return
ch_memory "${ch_m%/*}" || return
[ -s "$ch_m" ] || printf '%s\n' "$ch_p" >"$ch_m" || return
ch_sync "$ch_m"
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
# Takes empty marks away.
ch_unmark() {
for ch_v; do
shift
[ ! -f "$ch_v" ] || [ -s "$ch_v" ] || set -- "$@" "$ch_v"
done
[ $# -eq 0 ] || rm -f -- "$@"
}
# Ends a program that nobody waits for any more, and waits for that: whoever comes next begins anew.
ch_creation_end() {
ch_c=$ch_maker
ch_stop
}
