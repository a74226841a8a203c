# An archive: directory of the version, temporary name, "url" or "path", where from, hash, how many parts
# of names to drop, owner, group, name and content of the marker.
ch_archive() {
ch_into "$1" || return
ch_p=../${1##*/} ch_here=./${2##*/}
[ ! -L "./${1##*/}" ] && { [ ! -e "./${1##*/}" ] || [ -d "./${1##*/}" ]; } || {
ch_say "$1 is in the way and no directory"
return 1
}
# What a run that was killed has left here.
rm -rf -- ./.cellhost-*
(umask 077 && mkdir -- "$ch_here") || return
# Nobody else comes in here: it is sure to be the one that was made, and all that follows is done in it.
ch_b=$ch_real/${2##*/}
ch_go "$ch_here" && [ "$ch_real" = "$ch_b" ] || {
ch_say "$ch_b has changed since it was made"
return 1
}
case $(stat -c '%u %a' . </dev/null) in
"$ch_uid "*700) ;;
*)
ch_say "$ch_b has changed since it was made"
return 1
;;
esac
ch_t=.$ch_here
if [ "$3" = url ]; then
ch_fetch "$4" "$5" ./archive || return
else
# A copy, so that what is unpacked is what was checked.
cp -- "$4" ./archive && ch_check "$4" "$5" ./archive || return
fi
mkdir -m 755 ./tree && ch_unpack . "$6" && ch_tame ./tree || return
[ -z "$7$8" ] || chown -R -h -- "$7${8:+:$8}" ./tree || return
printf '%s\n' "${10}" >"./tree/$9" || return
sync
if [ -d "$ch_p" ] && [ ! -L "$ch_p" ]; then ch_move "$ch_p" ./old || return; fi
ch_move ./tree "$ch_p" || return
rm -rf -- "$ch_t"
ch_t=
}
# Unpacks $1/archive into $1/tree, without the first $2 parts of names.
ch_unpack() {
ch_y=cat
case $(head -c 6 <"$1/archive" | od -An -tx1 | tr -d ' \n') in
1f8b*) ch_y=gzip ;;
425a68*) ch_y=bzip2 ;;
fd377a585a00) ch_y=xz ;;
28b52ffd*) ch_y=zstd ;;
504b0304* | 504b0506*) ch_y=unzip ;;
esac
ch_has "$ch_y" || {
ch_say "there is no $ch_y on this machine, which unpacks this archive"
return 1
}
if [ "$ch_y" = unzip ]; then
unzip -q -o "$1/archive" -d "$1/tree" </dev/null >&2 || return
ch_i=$2
while [ "$ch_i" -gt 0 ]; do
mkdir -- "$1/next" || return
for ch_x in "$1"/tree/*/* "$1"/tree/*/.[!.]* "$1"/tree/*/..?*; do
[ ! -e "$ch_x" ] && [ ! -L "$ch_x" ] || mv -- "$ch_x" "$1/next/" || return
done
rm -rf -- "$1/tree" && mv -- "$1/next" "$1/tree" || return
ch_i=$((ch_i - 1))
done
return
fi
ch_has tar || {
ch_say 'there is no tar on this machine'
return 1
}
[ "$ch_y" = cat ] || ch_y="$ch_y -dc"
# Some tars list names as they are, others as they would be, with a word that they removed something.
ch_v=$($ch_y <"$1/archive" | tar -tf - 2>&1) || {
ch_say "$ch_v"
return 1
}
case "
$ch_v
" in
*'
/'* | *'
../'* | *'/../'* | *'/..
'* | *'
..
'* | *'emoving leading '*)
ch_say 'a member of the archive would land outside of its directory'
return 1
;;
esac
set -- "$1" --strip-components="$2"
[ "$2" != --strip-components=0 ] || set -- "$1"
ch_x=$1
shift
$ch_y <"$ch_x/archive" | tar -x -o -C "$ch_x/tree" "$@" -f - >&2
}
# Refuses what leads out of a directory or is neither file, directory nor link. A link may go up only
# at its beginning, and no further than the directory: then no way through links leads out either.
ch_tame() {
ch_v=$(find "$1" ! -type f ! -type d ! -type l) || return
[ -z "$ch_v" ] || {
ch_say "the archive holds what is no file, directory or link: $ch_v"
return 1
}
find "$1" -type f -links +1 -exec stat -c '%i %h' {} + | sort | uniq -c | {
while read -r ch_i ch_x ch_k; do
[ "$ch_i" -ge "$ch_k" ] || {
ch_say 'the archive holds a hard link to a file outside of it'
exit 1
}
done
} || return
ch_v=$(cd -- "$1" && find . -type l -exec sh -c '
for l; do
t=$(readlink -n -- "$l" && echo x) && t=${t%x} d=${l#./}
case $t in
../* | ..)
while :; do
case $t in
../*) t=${t#../} ;;
..) t= ;;
*) break ;;
esac
case $d in
*/*) d=${d%/*} ;;
*) printf "%s\n" "$l" ;;
esac
done
;;
esac
case /$t/ in
*/../* | //*) [ -z "$t" ] || printf "%s\n" "$l" ;;
esac
done' sh {} +) || return
[ -z "$ch_v" ] || {
ch_say "the archive holds a link that leads out of it: $ch_v"
return 1
}
}
