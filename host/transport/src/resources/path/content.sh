# What files hold: the longest that is wanted, one more, then paths. Links are not followed.
ch_contents() {
ch_h=$1 ch_k=$2
shift 2
for ch_p; do
if [ -f "$ch_p" ] && [ ! -L "$ch_p" ]; then
ch_v=$(stat -c %s -- "$ch_p") || return
[ "$ch_v" -gt "$ch_h" ] || head -c "$ch_k" <"$ch_p" || return
fi
ch_mark content
done
}
