#!/bin/sh
# Stands in for Alpine's apk: the part of its command line that the courier speaks, its words and
# its exit codes, as apk-tools 2.14 and 3.0 have them.
shop=/shop/x86_64 index=/shop/x86_64/APKINDEX.tar.gz db=/lib/apk/db/installed lists=/var/cache/apk-lists
verbose= exists=
while :; do
case $1 in
--wait) shift 2 ;;
-*) shift ;;
*) break ;;
esac
done
applet=$1
shift
while :; do
case $1 in
-v) verbose=1 ;;
-e) exists=1 ;;
-o) out=$2 && shift ;;
--) shift && break ;;
*) break ;;
esac
shift
done
# A line is: name version provides depends, a dash for what is empty.
find_in() { while read -r n v p d _; do [ "$n" != "$2" ] && [ "$p" != "$2" ] || echo "$n $v $p $d"; done <"$1" | tail -n 1; }
missing() {
printf 'ERROR: unable to select packages:\n  %s (no such package):\n    required by: world[%s]\n' "$1" "$1" >&2
exit 1
}
add() {
n=${1%%=*} v=
found=$(find_in "$lists" "$n")
case $1 in
*=*)
v=${1#*=}
found=$(grep "^$n $v " "$lists") || {
printf 'ERROR: unable to select packages:\n  %s:\n    breaks: world[%s]\n' "$n" "$1" >&2
exit 2
}
;;
*) [ -z "$(find_in "$db" "$n")" ] || return 0 ;;
esac
[ -n "$found" ] || missing "$n"
set -- $found
[ "$4" = - ] || (add "$4") || exit
grep -v "^$1 " "$db" >"$db.new"
echo "$*" >>"$db.new"
mv "$db.new" "$db"
tar -xzf "$shop/$1-$2.apk" -C / --exclude .PKGINFO 2>/dev/null || :
}
case $applet in
index)
for f; do
tar -xzOf "$f" .PKGINFO 2>/dev/null | while IFS= read -r l; do
case $l in
'pkgname = '*) printf '%s' "${l#*= }" ;;
'pkgver = '*) printf ' %s' "${l#*= }" ;;
'provides = '*) l=${l#*= } && printf ' %s' "${l%%=*}" && p=1 ;;
'depend = '*) printf ' %s' "${l#*= }" ;;
esac
done
echo ' - -'
done >"$out"
;;
update) cp "$index" "$lists" ;;
info)
[ $# -gt 0 ] || exit 0
miss=0
for x; do
found=$(find_in "$db" "$x")
if [ -z "$found" ]; then miss=$((miss + 1)) && continue; fi
set -- $found
if [ -n "$verbose" ]; then echo "$1-$2"; else echo "$1"; fi
done
exit "$miss"
;;
add)
[ -e "$lists" ] || cp "$index" "$lists"
for x; do add "$x"; done
;;
del)
for x; do [ -n "$(find_in "$db" "$x")" ] || { echo "ERROR: No such package: $x" >&2 && exit 1; }; done
for x; do
needed=
while read -r n v p d _; do
case " $* " in
*" $n "*) ;;
*) [ "$d" != "$x" ] || needed=$n ;;
esac
done <"$db"
if [ -n "$needed" ]; then
printf 'World updated, but the following packages are not removed due to:\n  %s: %s\n' "$x" "$needed"
else
grep -v "^$x " "$db" >"$db.new"
mv "$db.new" "$db"
fi
done
;;
*) echo "the stand-in does not know $applet" >&2 && exit 99 ;;
esac
exit 0
