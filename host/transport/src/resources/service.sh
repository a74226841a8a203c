# Services by systemd, the one manager that is known so far.
ch_systemd() {
[ -d /run/systemd/system ] && ch_has systemctl && return
ch_say 'no service manager that is known here (only systemd so far)'
return 1
}
# How services are: the directory of what is owed, then pairs of unit and escaped name.
ch_services() {
ch_systemd || return
ch_m=$1
shift
ch_i=$#
while [ "$ch_i" -gt 0 ]; do
ch_x=$1 ch_y=$2
shift 2
ch_i=$((ch_i - 2)) ch_v=
[ ! -e "$ch_m/restart/$ch_y" ] || ch_v=r
[ ! -e "$ch_m/reload/$ch_y" ] || ch_v=${ch_v}l
ch_boots "$ch_x" && ch_v=${ch_v}b
printf '%s.\n' "$ch_v"
set -- "$@" "$ch_x"
done
ch_mark owed
systemctl show --property=Id,Names,LoadState,ActiveState,UnitFileState -- "$@" </dev/null
ch_mark services
}
# Whether an init script starts at boot.
ch_boots() {
for ch_z in /etc/rc[2345].d/S[0-9][0-9]"${1%.service}"; do [ ! -e "$ch_z" ] || return 0; done
return 1
}
# How the unit `ch_x` is now.
ch_unit() {
ch_load= ch_active= ch_file= ch_stale=
while IFS= read -r ch_v; do
case $ch_v in
LoadState=*) ch_load=${ch_v#*=} ;;
ActiveState=*) ch_active=${ch_v#*=} ;;
UnitFileState=*) ch_file=${ch_v#*=} ;;
NeedDaemonReload=yes) ch_stale=yes ;;
esac
done <<_
$(systemctl show --property=LoadState,ActiveState,UnitFileState,NeedDaemonReload -- "$ch_x" </dev/null)
_
}
# Arguments: unit, escaped name, enable (yes or no), run (yes or no), directory of what is owed.
ch_service() {
ch_systemd || return
ch_x=$1
ch_service_known || return
ch_service_boot "$3" && ch_service_run "$2" "$4" "$5" && return
systemctl --no-pager --full --lines=12 status -- "$ch_x" >&2
return 1
}
ch_service_known() {
ch_unit
if [ "$ch_reload$ch_stale" ] || [ "$ch_load" = not-found ]; then
systemctl daemon-reload >&2 || return
ch_reload=
ch_unit
fi
[ "$ch_load" != not-found ] || {
ch_say "there is no service $ch_x"
return 1
}
}
ch_service_boot() {
[ "$ch_file" != generated ] || if ch_boots "$ch_x"; then ch_file=enabled; else ch_file=disabled; fi
case $1:$ch_file in
yes:enabled | yes:static | yes:indirect | no:disabled) ;;
yes:*) systemctl enable -- "$ch_x" >&2 ;;
no:*) systemctl disable -- "$ch_x" >&2 ;;
esac
}
ch_service_run() {
ch_o=$3/restart/$1 ch_l=$3/reload/$1
case $2:$ch_active in
no:inactive | no:failed) ;;
no:*) systemctl stop -- "$ch_x" >&2 || return ;;
yes:active | yes:reloading)
if [ -e "$ch_o" ]; then
systemctl restart -- "$ch_x" >&2 || return
elif [ -e "$ch_l" ]; then
systemctl reload-or-restart -- "$ch_x" >&2 || return
fi
;;
*)
[ "$ch_active" != failed ] || systemctl reset-failed -- "$ch_x" >&2
systemctl start -- "$ch_x" >&2 || return
;;
esac
if [ "$2" = yes ]; then
ch_unit
[ "$ch_active" != failed ] || return
fi
rm -f -- "$ch_o" "$ch_l"
}
