# What outlives a run: which contents were put in their places, and which of them services took up.
ch_memory() { [ -d "$1" ] || ch_memory_made "${1%/*}"; }
# Makes records outlive a loss of power, with all that leads to them: records of one directory.
ch_lasts() {
ch_a=${1%/*}
ch_b=${ch_a%/*}
ch_sync "$@" "$ch_a/" "$ch_b/" "${ch_b%/*}/"
}
# Writes a record: record, text. One that is there is replaced as a whole. Of a new one that is torn,
# the torn line counts for nothing.
ch_remember() {
if [ -f "$1" ]; then
printf %s "$2" >"$1%new" && mv -f -- "$1%new" "$1"
else
printf %s "$2" >"$1"
fi
}
# Notes what will stand at a path before it does: record, fingerprint, token. What stands there until
# then is among the lines that stay.
ch_note() {
ch_memory "${1%/*}" || return
ch_line="$2 $3
" ch_left=15
[ ! -f "$1" ] || while [ "$ch_left" -gt 0 ] && IFS=' ' read -r ch_a ch_b; do
[ "$ch_a" = "$2" ] || ch_line="$ch_line$ch_a $ch_b
"
ch_left=$((ch_left - 1))
done <"$1"
ch_remember "$1" "$ch_line"
}
# Keeps what a service took up: record, then manner, token and path's record as one word each. What
# it took up of other paths stays.
ch_took() {
ch_memory "${1%/*}" || return
ch_m=$1 ch_line=
shift
for ch_v; do ch_line="$ch_line$ch_v
"; done
[ ! -f "$ch_m" ] || while IFS=' ' read -r ch_a ch_b ch_c; do
for ch_v; do [ "${ch_v##* }" != "$ch_c" ] || continue 2; done
ch_line="$ch_line$ch_a $ch_b $ch_c
"
done <"$ch_m"
ch_remember "$ch_m" "$ch_line"
}
# All lines of records that are there, each behind its record's path.
ch_records() {
grep '' /dev/null "$@" </dev/null 2>/dev/null
ch_mark records
}
