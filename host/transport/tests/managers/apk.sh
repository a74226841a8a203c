only() {
rm -f /usr/bin/apt-get /usr/bin/dnf /usr/bin/pacman
mkdir -p /shop/x86_64 /etc/apk /lib/apk/db
echo /shop >/etc/apk/repositories
if [ -e /usr/bin/apk.real ]; then
printf '#!/bin/sh\nexec /usr/bin/apk.real --allow-untrusted --arch x86_64 "$@"\n' >/usr/bin/apk
chmod 755 /usr/bin/apk
rm -rf /lib/apk/db
apk --initdb add >/dev/null
else
stand_in /usr/bin/apk
chmod 755 /usr/bin/apk
: >/lib/apk/db/installed
fi
}
make() {
d=$(mktemp -d)
mkdir -p "$d/data/opt"
echo "$1 $2" >"$d/data/opt/$1"
s=$(sha1sum <"$d/data/opt/$1")
cd "$d/data"
{
tar -b1 -cf - --format=posix --owner=0 --group=0 --no-recursion opt | head -c -1024
tar -b1 -cf - --format=posix --pax-option="APK-TOOLS.checksum.SHA1:=${s%% *}" --owner=0 --group=0 "opt/$1"
} | gzip -n >../data.tgz
cd ..
s=$(sha256sum <data.tgz)
{
printf 'pkgname = %s\npkgver = %s\npkgdesc = test\narch = x86_64\nsize = 10\ndatahash = %s\n' "$1" "$2" "${s%% *}"
[ -z "${3-}" ] || echo "provides = $3=3"
[ -z "${4-}" ] || echo "depend = $4"
} >.PKGINFO
tar -b1 -cf - --owner=0 --group=0 .PKGINFO | head -c -1024 | gzip -n >control.tgz
cat control.tgz data.tgz >"/shop/x86_64/$1-$2.apk"
}
publish() { apk index -o /shop/x86_64/APKINDEX.tar.gz /shop/x86_64/*.apk >/dev/null 2>&1; }
