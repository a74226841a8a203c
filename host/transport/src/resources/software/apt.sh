# Packages by apt and dpkg.
ch_apt_there() { [ -s /var/lib/dpkg/status ] && ch_has apt-get && ch_has dpkg-query; }
ch_apt_look() {
ch_v=$(dpkg-query -W -f='${db:Status-Status} ${Package} ${Version} ${Architecture}\n' -- "$@" </dev/null 2>/dev/null)
# Triggers that are still to run change nothing about a package that is configured.
while IFS= read -r ch_y; do
case $ch_y in
triggers-*) ch_y="installed ${ch_y#* }" ;;
esac
printf '%s\n' "$ch_y"
for ch_x; do
shift
case $ch_y in
"installed ${ch_x%%:*} "*) ;;
*) set -- "$@" "$ch_x" ;;
esac
done
done <<_
$ch_v
_
[ $# -eq 0 ] || dpkg-query -W -f='${db:Status-Status} ${Package} , ${Provides},\n' </dev/null | grep '^[it][^ ]* .* , .' |
while read -r ch_y ch_p ch_v; do
for ch_x; do
case "$ch_v" in
*" $ch_x,"* | *" $ch_x ("*) printf 'provided %s %s\n' "$ch_x" "$ch_p" ;;
esac
done
done
}
ch_apt() {
DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends -o Dpkg::Options::=--force-confdef \
-o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=300 "$@" </dev/null >&2
}
ch_apt_install() {
[ "$ch_start" = yes ] || ch_quiet || return
ch_apt_get "$@"
ch_v=$?
[ "$ch_start" = yes ] || ch_loud
return "$ch_v"
}
# Stale lists of packages are the usual reason to fail before anything was unpacked.
ch_apt_get() {
if apt-cache show --no-all-versions "$@" </dev/null >/dev/null 2>&1; then
ch_apt_try "$@" && return
[ $? -eq 2 ] || return 1
fi
ch_apt update
ch_apt_try "$@"
}
# Fails with 2 where nothing was touched.
ch_apt_try() {
for ch_x; do ch_apt_named "${ch_x%%[:=]*}" || return 2; done
ch_apt --no-remove install "$@" && return
ch_apt_torn || return 2
ch_apt_heal && ch_apt --no-remove install "$@" || return 1
}
# apt takes a name with a dot that it does not know for a pattern.
ch_apt_named() {
case $1 in
*.*) ;;
*) return 0 ;;
esac
apt-cache pkgnames -- "$1" </dev/null | grep -F -q -x -e "$1" || {
ch_say "E: Unable to locate package $1"
return 1
}
}
# Whether dpkg was interrupted.
ch_apt_torn() {
for ch_x in /var/lib/dpkg/updates/[0-9]*; do [ ! -e "$ch_x" ] || return 0; done
[ -n "$(dpkg --audit </dev/null 2>/dev/null)" ]
}
# Brings to an end what dpkg began, without removing anything.
ch_apt_heal() {
ch_say 'cellhost: dpkg did not come to an end here; finishing what it began'
ch_v=$(DEBIAN_FRONTEND=noninteractive dpkg --force-confdef --force-confold --configure -a </dev/null 2>&1)
ch_say "$ch_v"
# Not interrupted, only not at its end: what failed has said that it waited.
case $ch_v in
*'locked by another process'*) return 1 ;;
esac
ch_apt --fix-broken --no-remove install && return
ch_say 'cellhost: dpkg did not come to an end here and cannot be brought to an end without a decision;' \
'on the machine, see what `dpkg --audit` and `apt-get --fix-broken install` say'
return 1
}
ch_apt_traces() {
case "$(dpkg-query -W -f='${db:Status-Status}' -- "$1" 2>/dev/null)" in
installed | half-* | unpacked | triggers-*) ;;
*) return 1 ;;
esac
}
# Packages that need one that goes would go too.
ch_apt_remove() {
! ch_apt_torn || ch_apt_heal || return
while read -r ch_x ch_y ch_v; do
[ "$ch_x" = Remv ] || continue
case " $* " in
*" ${ch_y%:*} "* | *" ${ch_y%:*}:"*) ;;
*)
ch_say "cannot remove $*: ${ch_y%:*} needs it; wish that away too"
return 1
;;
esac
done <<_
$(apt-get -s remove "$@" </dev/null)
_
ch_apt remove "$@"
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
