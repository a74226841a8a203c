# Packages by apt and dpkg, the one manager that is known so far.
ch_apt_there() {
ch_has apt-get && ch_has dpkg-query && return
ch_say 'no package manager that is known here (only apt so far)'
return 1
}
ch_software_look() {
ch_apt_there || return
dpkg-query -W -f='${Package} ${db:Status-Status} ${Version}\n' "$@" </dev/null 2>/dev/null
ch_mark software
}
ch_apt() {
DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends -o Dpkg::Options::=--force-confdef \
-o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=300 "$@" </dev/null >&2
}
ch_install() {
ch_start=$1
shift
ch_apt_there || return
[ "$ch_start" = yes ] || ch_quiet || return
ch_get "$@"
ch_v=$?
[ "$ch_start" = yes ] || ch_loud
return "$ch_v"
}
# Stale lists of packages are the usual reason to fail before anything was unpacked.
ch_get() {
if [ -n "$ch_updated" ] || apt-cache show --no-all-versions "$@" </dev/null >/dev/null 2>&1; then
ch_apt install "$@" && return
[ -z "$ch_updated" ] && [ -z "$(dpkg --audit </dev/null 2>/dev/null)" ] || return 1
fi
ch_updated=1
ch_apt update
ch_apt install "$@"
}
ch_uninstall() {
ch_apt_there || return
for ch_x; do
shift
case "$(dpkg-query -W -f='${db:Status-Status}' -- "$ch_x" 2>/dev/null)" in
installed | half-* | unpacked | triggers-*) set -- "$@" "$ch_x" ;;
esac
done
[ $# -eq 0 ] || ch_apt remove "$@"
}
# Keeps packages from starting services. Ours answers only to installations that ask for it, and
# passes on to one that was there, so that a crash in between harms nobody.
ch_quiet() {
ch_p=/usr/sbin/policy-rc.d
CELLHOST_NO_START=1
export CELLHOST_NO_START
if [ -e "$ch_p" ] && ! grep -q CELLHOST_NO_START "$ch_p"; then mv -f -- "$ch_p" "$ch_p.cellhost" || return; fi
ch_restore=ch_loud
cat >"$ch_p.new" <<'_' || return
#!/bin/sh
[ -z "$CELLHOST_NO_START" ] || exit 101
[ ! -x /usr/sbin/policy-rc.d.cellhost ] || exec /usr/sbin/policy-rc.d.cellhost "$@"
exit 0
_
chmod 755 "$ch_p.new" && mv -f -- "$ch_p.new" "$ch_p"
}
ch_loud() {
unset CELLHOST_NO_START
ch_restore=
if [ -e /usr/sbin/policy-rc.d.cellhost ]; then
mv -f -- /usr/sbin/policy-rc.d.cellhost /usr/sbin/policy-rc.d
else
rm -f -- /usr/sbin/policy-rc.d
fi
}
