# Content, outside and entries of paths.
ch_read() {
if [ ! -f "$1" ]; then
ch_end none
return
fi
ch_v=$(stat -L -c %s -- "$1" </dev/null) || ch_v=0
if [ "$ch_v" -gt "$2" ]; then
ch_end large "$ch_v"
elif head -c "$3" <"$1"; then
ch_end ok
else
ch_end refused
fi
}
ch_status() {
if [ -e "$1" ] || [ -L "$1" ]; then
if stat -c '%f %u %g %s %U %G %n' -- "$1" </dev/null; then ch_end ok; else ch_end refused; fi
else
ch_end none
fi
}
ch_entries() {
if [ ! -d "$1" ]; then
ch_end none
elif [ ! -r "$1" ] || [ ! -x "$1" ]; then
ch_say "permission denied: $1"
ch_end refused
else
for ch_x in "$1"/* "$1"/.[!.]* "$1"/..?*; do
if [ -e "$ch_x" ] || [ -L "$ch_x" ]; then printf '%s/' "${ch_x##*/}"; fi
done
ch_end ok
fi
}
