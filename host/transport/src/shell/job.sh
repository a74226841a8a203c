# A job runs `ch_cmd`, which the request defines, in a session of its own, beside this shell,
# which meanwhile reads on: the end of its input ends the job. Its output goes through pipes of
# its own, so that nothing a program leaves behind can write into later answers.
ch_job() {
# Whoever waits for the lead, here and a shell below, stays until it has ended what it leads: as long as
# something is at work, so is the shell that is named as being so.
trap : TERM
{ { trap : TERM; ch_lead 2>&6 6>&- | cat >&4 4>&- 5>&- 6>&-; } 6>&1 | cat >&5 4>&- 5>&- 6>&-; } 4>&1 5>&2 </dev/null
ch_end
}
ch_lead() {
ch_c= ch_s=
trap ch_kill TERM
if [ -n "$ch_in" ]; then
printf %s "$ch_in" | base64 -d 4>&- | ch_cmd 4>&- 5>&- &
else
ch_cmd </dev/null 4>&- 5>&- &
fi
ch_c=$!
[ -z "$ch_d" ] || {
ch_timer </dev/null >/dev/null 2>&1 5>&- &
ch_s=$!
}
wait "$ch_c" 2>/dev/null
ch_w=$?
printf '%s ended %s\n' "$ch_n" "$ch_w" >&4
[ -z "$ch_s" ] || {
kill -TERM "$ch_s"
wait "$ch_s"
ch_signal KILL
} 2>/dev/null
}
ch_signal() {
if ch_has setsid; then kill "-$1" "-$ch_c"; else kill "-$1" "$ch_c"; fi
}
# Lets `ch_become` end a program after so many seconds, where this machine can. Every `timeout` but that
# of busybox leads a group of its own, as a program with a session of its own does.
ch_limit() {
ch_has timeout || return 0
ch_most=$1
[ -z "$ch_leads" ] || return 0
ch_x=$(command -v timeout) ch_y=$(command -v busybox)
ch_leads=yes
case $ch_x in
/*) ;;
*) ch_leads=no ;;
esac
[ ! "$ch_x" -ef "$ch_y" ] && [ ! "$ch_x" -ef "/proc/$$/exe" ] || ch_leads=no
}
ch_kill() {
[ -z "$ch_c" ] || ch_stop
exit 143
}
# Ends `ch_cmd`, by force after two seconds, and waits for that.
ch_stop() {
{
ch_signal TERM
{
sleep 2
ch_signal KILL
} </dev/null >/dev/null 4>&- 5>&- &
ch_k=$!
wait "$ch_c"
ch_signal KILL
kill -KILL "$ch_k"
} >/dev/null 2>&1
}
ch_timer() {
sleep "$ch_d" 4>&- &
ch_z=$!
trap 'kill "$ch_z"; exit' TERM
wait "$ch_z"
printf '%s late\n' "$ch_n" >&4
ch_signal TERM
}
# Whether a user is there to run as, and this one may.
ch_may() {
id -u -- "$1" >/dev/null || ch_fail
}
# What a program of another user expects of its environment.
ch_home() {
USER=$1 LOGNAME=$1
export USER LOGNAME
ch_y=$(ch_entry passwd "$1")
ch_y=${ch_y%:*}
[ -z "$ch_y" ] || HOME=${ch_y##*:}
}
# Becomes a program, as another user where one is named. No shell reads the arguments.
ch_become() {
ch_u=$1 ch_x=$2
shift 2
unset LC_ALL ch_in
LANG=C.UTF-8
export LANG
ch_own=
case $ch_most:$ch_leads in
?*:yes) ;;
*) ! ch_has setsid || ch_own=setsid ;;
esac
[ -z "$ch_most" ] || ch_own="$ch_own timeout -k 2 $ch_most"
trap - TERM HUP INT
[ -n "$ch_u" ] || exec $ch_own "$@"
if ch_has setpriv && setpriv --help 2>&1 | grep -q -e --init-groups; then
exec $ch_own setpriv --reuid="$ch_u" --regid="$(id -g -- "$ch_u")" --init-groups -- "$@"
elif ch_has runuser; then
exec $ch_own runuser -u "$ch_u" -- "$@"
elif ch_has sudo; then
exec $ch_own sudo -n ${ch_x:+--preserve-env="$ch_x"} -u "$ch_u" -- "$@"
fi
exec $ch_own su -s /bin/sh -c 'exec "$0" "$@"' -- "$ch_u" "$@"
}
