# Services by systemd.
ch_systemd_there() { [ -d /run/systemd/system ] && ch_has systemctl; }
ch_systemd_look() {
for ch_x; do if ch_boots "$ch_x"; then printf b; else printf .; fi; done
ch_mark boots
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
ch_systemd_known() {
# A unit that has just come to be has done nothing yet.
case ${ch_new:+$1:$2}:$ch_reload in
yes:yes:)
ch_load=loaded ch_active=inactive ch_file=disabled ch_stale=
return
;;
esac
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
ch_systemd_boot() {
ch_old=
[ "$ch_file" != generated ] || {
ch_old=yes
if ch_boots "$ch_x"; then ch_file=enabled; else ch_file=disabled; fi
}
case $1:$ch_file in
yes:enabled | yes:static | yes:indirect | no:disabled) ;;
yes:*)
# One that an init script starts would be enabled, and not begun.
if [ "$2:$ch_active:$ch_old" = yes:inactive: ]; then
systemctl enable --no-reload --now -- "$ch_x" >&2 || ch_systemd_late || return
ch_active=begun
else
ch_systemd_link enable
fi
;;
no:*) ch_systemd_link disable ;;
esac
}
# Begins a new one that its manager still remembers not to be there.
ch_systemd_late() {
[ "$ch_new" ] || return
ch_unit
[ "$ch_load" = not-found ] && systemctl daemon-reload >&2 && systemctl start -- "$ch_x" >&2
}
# Links are for the next start of the machine: the manager need not read everything anew for them.
# But of a unit that it has loaded it remembers how it was linked.
ch_systemd_link() {
systemctl "$1" --no-reload -- "$ch_x" >&2 || return
[ "$ch_active" = inactive ] || systemctl daemon-reload >&2
}
ch_systemd_run() {
case $1:$ch_active in
no:inactive | no:failed) ;;
yes:begun) ;;
no:*) systemctl stop -- "$ch_x" >&2 || return ;;
yes:active | yes:reloading)
case $2 in
restart) systemctl restart -- "$ch_x" >&2 || return ;;
reload) systemctl reload-or-restart -- "$ch_x" >&2 || return ;;
esac
;;
*)
[ "$ch_active" != failed ] || systemctl reset-failed -- "$ch_x" >&2
systemctl start -- "$ch_x" >&2 || return
;;
esac
}
ch_systemd_fallen() {
ch_fallen=' '
while IFS= read -r ch_v; do
[ "$ch_v" != failed ] || ch_fallen="$ch_fallen$1 "
[ -z "$ch_v" ] || shift
done <<_
$(systemctl is-failed -- "$@" </dev/null)
_
[ $# -eq 0 ]
}
# What the status shows of the journal is of the last start alone, which may have said nothing yet.
ch_systemd_words() {
systemctl --no-pager --full --lines=0 status -- "$ch_x"
ch_has journalctl || return 0
journalctl --sync 2>/dev/null
journalctl --no-pager --quiet --output=cat --lines=12 --unit="$ch_x"
}
