# How paths stand. The first argument says how many of them, from the first, want a hash. Those of one
# directory follow each other, so that all their directories can be held at once: programs that are told
# of many paths look there, and not at what has taken the place of a directory meanwhile.
ch_paths() {
ch_h=$1 ch_fd=2 ch_dir=-
shift
ch_i=$# ch_k=0 ch_line=
while [ "$ch_i" -gt 0 ]; do
ch_p=$1 ch_x=n
shift
[ "${ch_p%/*}" = "$ch_dir" ] || ch_pin "$ch_p"
if [ "$ch_way" ]; then
ch_v=${ch_p##*/}
ch_within "$ch_real/$ch_v" || ch_stray "$ch_p" "$ch_real/$ch_v" || return
if [ -L "./$ch_v" ]; then ch_x=l; elif [ -f "./$ch_v" ]; then ch_x=f; elif [ -e "./$ch_v" ]; then ch_x=o; fi
fi
printf %s "$ch_x"
if [ "$ch_x" != n ]; then
set -- "$@" "$ch_way/$ch_v"
ch_line=$ch_line$ch_x
[ "$ch_h" -le 0 ] || ch_k=$((ch_k + 1))
fi
ch_h=$((ch_h - 1)) ch_i=$((ch_i - 1))
done
ch_back
ch_mark kinds
[ $# -eq 0 ] || stat -c '%f %u %g %s %U %G %n' -- "$@" </dev/null
ch_mark outsides
ch_i=$#
while [ "$ch_i" -gt 0 ]; do
ch_p=$1
shift
case $ch_line in
l*)
readlink -n -- "$ch_p" </dev/null
ch_mark target
;;
f*) [ "$ch_k" -le 0 ] || [ -L "$ch_p" ] || [ ! -f "$ch_p" ] || set -- "$@" "$ch_p" ;;
esac
ch_line=${ch_line#?} ch_k=$((ch_k - 1)) ch_i=$((ch_i - 1))
done
[ $# -eq 0 ] || sha256sum -- "$@" </dev/null
ch_mark hashes
ch_unpin
}
