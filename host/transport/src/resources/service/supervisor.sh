# Programs of supervisord. What starts by itself, and how, only its configuration decides.
ch_ctl() { (cd / && exec supervisorctl "$@") </dev/null; }
# Everything it says of its programs by one start of it: how they run, which it says first to whoever
# asks in this way, then how they are configured.
ch_supervisor_ask() {
ch_v=
! ch_has supervisorctl || ch_v=$(cd / && echo avail | supervisorctl 2>/dev/null)
}
ch_supervisor_look() {
ch_supervisor_ask
for ch_x; do
ch_supervisor_state
printf '%s %s %s %s\n' "$ch_load" "$ch_file" "$ch_runs" "$ch_active"
done
ch_mark states
}
# How the program `ch_x` is, or all of the group of that name, by what was said.
ch_supervisor_state() {
ch_load=no ch_file=no ch_runs=no ch_active=unknown
while read -r ch_y ch_o ch_p ch_z ch_k _; do
[ "$ch_y" != 'supervisor>' ] || ch_y=$ch_o ch_o=$ch_p ch_p=$ch_z ch_z=$ch_k
case $ch_y in
"$ch_x" | "$ch_x":*) ;;
*) continue ;;
esac
case $ch_o in
in | avail)
[ "$ch_o" = avail ] || ch_p=$ch_z
[ "$ch_load:$ch_p" = yes:auto ] || ch_file=no
[ "$ch_load:$ch_p" != no:auto ] || ch_file=yes
ch_load=yes
;;
RUNNING | STARTING)
[ "$ch_active" != unknown ] || ch_runs=yes
[ "$ch_active" != unknown ] && [ "$ch_active" != RUNNING ] || ch_active=$ch_o
;;
*) ch_runs=no ch_active=$ch_o ;;
esac
done <<_
$ch_v
_
}
ch_supervisor_known() {
ch_has supervisorctl || {
ch_say "supervisorctl is not there: supervisor has to be installed before $ch_x"
return 1
}
# Its service runs before it listens.
ch_i=0
until ch_ctl reread >&2; do
ch_i=$((ch_i + 1))
[ "$ch_i" -ge 10 ] || {
sleep 1
continue
}
ch_say "supervisord does not take its configuration: does its service run before $ch_x is wished for?"
return 1
done
# A program whose configuration changed starts anew by this, and one that has none any more ends.
ch_y=$(ch_ctl update "${ch_x%%:*}" 2>&1)
ch_say "$ch_y"
ch_fresh=
case $ch_y in
*' added process group'* | *' updated process group'*) ch_fresh=1 ;;
esac
ch_supervisor_settled
[ "$ch_load" = yes ] || [ "$1$2" = nono ] || {
ch_say "there is no program $ch_x in the configuration of supervisord"
return 1
}
}
# Waits for what is on its way.
ch_supervisor_settled() {
ch_i=0
while :; do
ch_supervisor_ask
ch_supervisor_state
case $ch_active in
STARTING | STOPPING | BACKOFF) ;;
*) return 0 ;;
esac
ch_i=$((ch_i + 1))
[ "$ch_i" -lt 30 ] || return 0
sleep 1
done
}
ch_supervisor_boot() {
[ "$1" != "$ch_file" ] || return 0
ch_v=false
[ "$1" = no ] || ch_v=true
ch_say "whether $ch_x starts by itself is decided in the configuration of supervisord: set autostart=$ch_v there"
return 1
}
ch_supervisor_run() {
ch_p=$ch_x
case $ch_p in
*:*) ;;
*) ch_p=$ch_p:\* ;;
esac
case $1:$ch_runs in
no:*) ch_ctl stop "$ch_p" >&2 ;;
yes:yes)
case $2:$ch_fresh in
restart:) ch_ctl restart "$ch_p" >&2 ;;
reload:)
ch_ctl signal HUP "$ch_p" >&2
# One that does not know the signal ends by it.
ch_supervisor_settled
[ "$ch_runs" = yes ] || ch_ctl start "$ch_p" >&2
;;
esac
;;
yes:no) ch_ctl start "$ch_p" >&2 ;;
esac
ch_supervisor_settled
[ "$1" = "$ch_runs" ]
}
ch_supervisor_words() {
ch_ctl status | grep -F -e "$ch_x"
ch_ctl tail "$ch_x" stderr
}
