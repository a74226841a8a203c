# How paths stand. The first argument says how many of them, from the first, want a hash.
ch_paths() {
ch_h=$1
shift
ch_i=$# ch_k=0
while [ "$ch_i" -gt 0 ]; do
ch_p=$1 ch_x=o
shift
if [ -L "$ch_p" ]; then ch_x=l; elif [ -f "$ch_p" ]; then ch_x=f; elif [ ! -e "$ch_p" ]; then ch_x=n; fi
printf %s "$ch_x"
if [ "$ch_x" != n ]; then
set -- "$@" "$ch_p"
[ "$ch_h" -le 0 ] || ch_k=$((ch_k + 1))
fi
ch_h=$((ch_h - 1)) ch_i=$((ch_i - 1))
done
ch_mark kinds
[ $# -eq 0 ] || stat -c '%f %u %g %s %U %G %n' -- "$@" </dev/null
ch_mark outsides
ch_i=$#
while [ "$ch_i" -gt 0 ]; do
ch_p=$1
shift
if [ -L "$ch_p" ]; then
readlink -n -- "$ch_p" </dev/null
ch_mark target
elif [ "$ch_k" -gt 0 ] && [ -f "$ch_p" ]; then
set -- "$@" "$ch_p"
fi
ch_k=$((ch_k - 1)) ch_i=$((ch_i - 1))
done
[ $# -eq 0 ] || sha256sum -- "$@" </dev/null
ch_mark hashes
}
