# Content, outside and entries of paths.
ch_read() {
if ! ch_to "$1"; then
ch_nothing
elif [ ! -f "./${1##*/}" ]; then
ch_end none
elif ! ch_pour "$@" 3<"./${1##*/}"; then
ch_end refused
fi
}
# Tells of nothing, or of nothing that may be told.
ch_nothing() { if [ "$ch_astray" ]; then ch_end refused; else ch_end none; fi; }
# What descriptor 3 reads: its path, the longest that is wanted, one more.
ch_pour() {
[ -z "$ch_bound" ] || {
ch_opened || return
ch_within "$ch_v" || ch_stray "$1" "$ch_v" || return
}
ch_v=$(stat -L -c %s -- /proc/self/fd/3 </dev/null) || ch_v=0
if [ "$ch_v" -gt "$2" ]; then
ch_end large "$ch_v"
else
head -c "$3" <&3 && ch_end ok
fi
}
ch_status() {
if ! ch_to "$1"; then
ch_nothing
elif [ -e "./${1##*/}" ] || [ -L "./${1##*/}" ]; then
if stat -c '%f %u %g %s %U %G %n' -- "./${1##*/}" </dev/null; then ch_end ok; else ch_end refused; fi
else
ch_end none
fi
}
ch_entries() {
if [ ! -d "$1" ]; then
ch_end none
elif ! ch_go "$1" || [ ! -r . ]; then
ch_say "permission denied: $1"
ch_end refused
elif ! ch_within "$ch_real"; then
ch_stray "$1" "$ch_real"
ch_end refused
else
for ch_x in ./* ./.[!.]* ./..?*; do
if [ -e "$ch_x" ] || [ -L "$ch_x" ]; then printf '%s/' "${ch_x##*/}"; fi
done
ch_end ok
fi
}
