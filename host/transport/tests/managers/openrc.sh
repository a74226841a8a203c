# Has OpenRC in charge of this root.
touch /etc/insserv.conf
for d in daemons exclusive failed hotplugged inactive options scheduled started starting stopping tmp wasinactive; do
mkdir -p "/run/openrc/$d"
done
echo default >/run/openrc/softlevel
rm -rf /etc/runlevels
mkdir -p /etc/runlevels/sysinit /etc/runlevels/boot /etc/runlevels/default
