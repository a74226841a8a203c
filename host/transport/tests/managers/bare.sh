# Makes /bare, a root with a busybox and nothing else, as small machines have it.
mkdir -p /bare/bin /bare/etc /bare/proc /bare/dev /bare/tmp /bare/run /bare/root /bare/var/lib
cp /usr/bin/busybox /bare/bin/busybox
for f in $(ldd /usr/bin/busybox | grep -o '/[^ ]*'); do
mkdir -p "/bare${f%/*}"
cp "$f" "/bare$f"
done
mount -t proc proc /bare/proc
mount --rbind /dev /bare/dev
chroot /bare /bin/busybox --install -s /bin
chmod 1777 /bare/tmp
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >/bare/etc/passwd
printf 'root:x:0:\nnobody:x:65534:\n' >/bare/etc/group
# Debian builds its busybox without what makes users and groups, Alpine with it. These stand in for
# them, with the words of their command line that couriers use, unless `$real` is one that has them.
if [ -n "$real" ]; then
cp "$real" /bare/bin/busybox.real
for x in adduser addgroup deluser delgroup; do ln -s busybox.real "/bare/bin/$x"; done
exit 0
fi
cat >/bare/bin/addgroup <<'_'
#!/bin/sh
if [ "$1" = -S ]; then
! grep -q "^$2:" /etc/group || exit 1
echo "$2:x:$((100 + $(wc -l </etc/group))):" >>/etc/group
else
grep -q "^$1:" /etc/passwd && grep -q "^$2:" /etc/group || exit 1
sed -i "s/^\($2:.*:\)\(.*\)$/\1\2,$1/; s/:,/:/" /etc/group
fi
_
cat >/bare/bin/adduser <<'_'
#!/bin/sh
[ "$1 $2 $3 $4 $6 $8" = '-S -D -H -h -s -G' ] || exit 1
g=$(grep "^$9:" /etc/group | cut -d: -f3)
! grep -q "^${10}:" /etc/passwd && [ -n "$g" ] || exit 1
echo "${10}:x:$((100 + $(wc -l </etc/passwd))):$g:stand-in:$5:$7" >>/etc/passwd
_
cat >/bare/bin/deluser <<'_'
#!/bin/sh
grep -q "^$1:" /etc/passwd || exit 1
sed -i "/^$1:/d" /etc/passwd
sed -i "s/\([:,]\)$1\(,\|$\)/\1/; s/,$//" /etc/group
_
cat >/bare/bin/delgroup <<'_'
#!/bin/sh
grep -q "^$1:" /etc/group || exit 1
sed -i "/^$1:/d" /etc/group
_
chmod 755 /bare/bin/adduser /bare/bin/addgroup /bare/bin/deluser /bare/bin/delgroup
