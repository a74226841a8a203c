only() {
rm -rf /etc/apt /var/lib/apt/lists /var/cache/apt
mkdir -p /etc/apt /var/lib/apt/lists/partial /var/cache/apt/archives/partial /shop
echo 'deb [trusted=yes] file:/shop ./' >/etc/apt/sources.list
echo 'APT::Sandbox::User "root";' >/etc/apt/apt.conf
}
make() {
d=$(mktemp -d)
mkdir -p "$d/DEBIAN" "$d/opt"
echo "$1 $2" >"$d/opt/$1"
chmod 755 "$d"
{
printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: test\nDescription: test\n' "$1" "$2"
[ -z "${3-}" ] || echo "Provides: first, $3 (= 3), last"
[ -z "${4-}" ] || echo "Depends: $4"
} >"$d/DEBIAN/control"
if [ -n "${script-}" ]; then
printf '#!/bin/sh\n%s\n' "$script" >"$d/DEBIAN/postinst"
chmod 755 "$d/DEBIAN/postinst"
fi
dpkg-deb --build "$d" "/shop/$1_$2.deb" >/dev/null
}
publish() {
for p in /shop/*.deb; do
dpkg-deb --field "$p"
printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "${p##*/}" "$(stat -c %s "$p")" "$(sha256sum "$p" | cut -d' ' -f1)"
done >/shop/Packages
}
