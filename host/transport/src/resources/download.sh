# Fetches a URL into a file and checks its hash: URL, hash, file.
ch_fetch() {
case $1 in
https:*) ch_x='=https' ;;
*) ch_x='=http,https' ;;
esac
if ch_has curl; then
curl --fail --silent --show-error --globoff --location --max-redirs 5 --proto "$ch_x" --connect-timeout 30 \
--max-time 3600 --speed-limit 64 --speed-time 60 --retry 3 --retry-delay 1 --retry-max-time 600 \
--output "$3" -- "$1" >&2 || return
elif ch_has wget; then
ch_v=
ch_has timeout && ch_v='timeout 3600'
$ch_v wget -q -O "$3" -- "$1" >&2 || {
ch_say "wget could not fetch $1 (it ended with status $?)"
return 1
}
else
ch_say "neither curl nor wget is on this machine, and one of them has to fetch $1"
return 1
fi
ch_check "$1" "$2" "$3"
}
# Checks the hash of a file: where it comes from, hash, file.
ch_check() {
ch_v=$(sha256sum <"$3") || return
[ "${ch_v%% *}" != "$2" ] || return 0
ch_say "$1 has the sha256 ${ch_v%% *}, and $2 is wanted"
return 1
}
ch_fetch_into_place() { ch_fetch "$1" "$2" /proc/self/fd/4; }
