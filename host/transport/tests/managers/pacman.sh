only() {
rm -rf /usr/bin/apt-get /usr/bin/dnf /var/lib/pacman /var/cache/pacman
mkdir -p /var/lib/pacman/sync /var/lib/pacman/local /var/cache/pacman/pkg /shop/entries
printf '[options]\nArchitecture = x86_64\nSigLevel = Never\n[shop]\nServer = file:///shop\n' >/etc/pacman.conf
}
make() {
d=$(mktemp -d)
mkdir -p "$d/opt"
cd "$d"
echo "$1 $2" >"opt/$1"
{
printf 'pkgname = %s\npkgver = %s\npkgdesc = test\nurl = none\nbuilddate = 1\npackager = test\nsize = 10\narch = any\n' "$1" "$2"
[ -z "${3-}" ] || echo "provides = $3=3"
[ -z "${4-}" ] || echo "depend = $4"
} >.PKGINFO
p=$1-$2-any.pkg.tar.gz
tar -czf "/shop/$p" .PKGINFO opt
s=$(sha256sum <"/shop/$p")
# A list has one version of each package, the newest.
rm -rf "/shop/entries/$1"-*
mkdir "/shop/entries/$1-$2"
{
printf '%%FILENAME%%\n%s\n\n%%NAME%%\n%s\n\n%%VERSION%%\n%s\n\n%%ARCH%%\nany\n\n' "$p" "$1" "$2"
printf '%%CSIZE%%\n%s\n\n%%SHA256SUM%%\n%s\n\n' "$(stat -c %s "/shop/$p")" "${s%% *}"
[ -z "${3-}" ] || printf '%%PROVIDES%%\n%s=3\n\n' "$3"
[ -z "${4-}" ] || printf '%%DEPENDS%%\n%s\n\n' "$4"
} >"/shop/entries/$1-$2/desc"
}
# A list is fetched again only if it is newer by a second at least, which a test may be too fast for.
publish() {
t=$(date +%s)
[ ! -e /shop/shop.db ] || o=$(stat -c %Y /shop/shop.db)
[ "${o-0}" -lt "$t" ] || t=$((o + 1))
(cd /shop/entries && tar -czf /shop/shop.db -- *)
touch -d "@$t" /shop/shop.db
}
