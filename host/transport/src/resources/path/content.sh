# What files hold: one more than the longest that is wanted, then paths. Links are not followed.
ch_contents() {
ch_k=$1
shift
for ch_p; do
if ch_to "$ch_p"; then
ch_x=./${ch_p##*/}
[ ! -f "$ch_x" ] || [ -L "$ch_x" ] || ch_content "$ch_p" 3<"$ch_x" || return
elif [ "$ch_astray" ]; then
return 1
fi
ch_mark content
done
ch_back
}
ch_content() { ch_is_here "$1" && head -c "$ch_k" <&3; }
