# Services by OpenRC.
ch_openrc_there() { [ -d /run/openrc ] && ch_has rc-service && ch_has rc-update; }
ch_openrc_look() {
for ch_x; do
ch_openrc_state
printf '%s %s %s %s\n' "$ch_load" "$ch_file" "$ch_runs" "$ch_active"
done
ch_mark states
}
# How the service `ch_x` is now.
ch_openrc_state() {
ch_x=${ch_x%.service} ch_load=no ch_file=no ch_runs=no ch_active=unknown
rc-service -e "$ch_x" </dev/null >/dev/null 2>&1 || return 0
ch_load=yes ch_v=
[ ! -r /run/openrc/softlevel ] || IFS= read -r ch_v </run/openrc/softlevel
for ch_v in sysinit boot default "$ch_v"; do [ ! -e "/etc/runlevels/$ch_v/$ch_x" ] || ch_file=yes; done
rc-service "$ch_x" status </dev/null >/dev/null 2>&1
case $? in
0) ch_active=started ;;
3) ch_active=stopped ;;
4) ch_active=stopping ;;
8) ch_active=starting ;;
16) ch_active=inactive ;;
32) ch_active=crashed ;;
esac
case $ch_active in
started | starting) ch_runs=yes ;;
esac
}
ch_openrc_known() {
ch_openrc_state
[ "$ch_load" = yes ] || {
ch_say "there is no service $ch_x"
return 1
}
}
# Its exit code tells nothing: a service that is in no other runlevel makes a removal fail.
ch_openrc_boot() {
[ "$1" != "$ch_file" ] || return 0
if [ "$1" = yes ]; then rc-update add "$ch_x" default >&2; else rc-update -a del "$ch_x" >&2; fi
ch_openrc_state
[ "$1" = "$ch_file" ]
}
ch_openrc_run() {
case $1:$ch_active in
no:stopped) ;;
no:crashed) rc-service "$ch_x" zap >&2 ;;
no:*) rc-service "$ch_x" stop >&2 ;;
yes:started | yes:starting)
case $2 in
restart) rc-service "$ch_x" restart >&2 || return ;;
reload) rc-service "$ch_x" reload >&2 || rc-service "$ch_x" restart >&2 || return ;;
esac
;;
*)
[ "$ch_active" != crashed ] || rc-service "$ch_x" zap >&2
rc-service "$ch_x" start >&2 || return
;;
esac
ch_openrc_state
[ "$1" = "$ch_runs" ]
}
# It said so as they were started.
ch_openrc_fallen() { ch_fallen=' '; }
ch_openrc_words() { rc-service "$ch_x" status </dev/null; }
