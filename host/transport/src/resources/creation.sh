# Runs `ch_cmd` where nothing stands at a path, or half of it: user, path, mark, seconds. The mark
# stands while it runs, so that what a program left half made is not taken for the whole.
ch_creation() {
ch_c= ch_p=$2 ch_m=$3 ch_d=$4
[ -z "$1" ] || id -u -- "$1" >/dev/null || return
mkdir -p -- "${ch_m%/*}" && printf '%s\n' "$ch_p" >"$ch_m" || return
ch_sync "$ch_m"
ch_cmd </dev/null &
ch_c=$!
ch_limit &
ch_s=$!
wait "$ch_c"
ch_w=$?
{
kill -TERM "$ch_s"
wait "$ch_s"
ch_signal KILL
} 2>/dev/null
[ "$ch_w" -eq 0 ] || {
ch_say "it ended with status $ch_w"
return 1
}
[ -e "$ch_p" ] || [ -L "$ch_p" ] || {
ch_say "it ended well, and nothing stands at $ch_p"
return 1
}
rm -f -- "$ch_m"
}
ch_limit() {
sleep "$ch_d" </dev/null >/dev/null 2>&1 &
ch_z=$!
trap 'kill "$ch_z" 2>/dev/null; exit' TERM
wait "$ch_z"
trap - TERM
ch_say "no end within $ch_d s"
ch_signal TERM 2>/dev/null
sleep 2 </dev/null >/dev/null 2>&1
ch_signal KILL 2>/dev/null
}
