# Has a docker of this root's own, with a registry beside it, and says what an image there is by
# digest: the name of a cgroup for the containers.
mount -t sysfs sys /sys
mount -t cgroup2 cgroup /sys/fs/cgroup
mkdir -p /etc/docker /srv/image/bin /srv/registry
# There is no network but the loopback, and what is below is a layer already.
cat >/etc/docker/daemon.json <<END
{
"bridge": "none", "iptables": false, "ip6tables": false, "ip-forward": false, "ip-masq": false,
"storage-driver": "vfs", "exec-opts": ["native.cgroupdriver=cgroupfs"], "cgroup-parent": "/$1"
}
END
cat >/srv/registry.yml <<'END'
version: 0.1
storage: {filesystem: {rootdirectory: /srv/registry}}
http: {addr: "127.0.0.1:5000"}
END
# Writes down what everybody can see of each call.
cat >/usr/local/bin/docker <<'END'
#!/bin/sh
printf '%s\n' "$@" >>/tmp/arguments
exec /usr/bin/docker "$@"
END
chmod 755 /usr/local/bin/docker
unshare --net sh -c 'ip link set lo up
docker-registry serve /srv/registry.yml >/tmp/registry.log 2>&1 &
exec dockerd >/tmp/dockerd.log 2>&1' >/dev/null 2>&1 &
left=300
until /usr/bin/docker version >/dev/null 2>&1; do
[ "$left" -gt 0 ] || { cat /tmp/dockerd.log >&2; exit 1; }
left=$((left - 1))
sleep 0.1
done
cp /bin/busybox /srv/image/bin/
for tool in sh sleep; do ln -s busybox "/srv/image/bin/$tool"; done
image=127.0.0.1:5000/trial:1
tar -C /srv/image -c . | /usr/bin/docker import - "$image" >/dev/null
/usr/bin/docker push -q "$image" >/dev/null
/usr/bin/docker inspect --format '{{index .RepoDigests 0}}' "$image"
/usr/bin/docker rmi "$image" >/dev/null
