# A directory: path, mode, owner, group.
ch_directory() {
if [ -L "$1" ] || { [ -e "$1" ] && [ ! -d "$1" ]; }; then
ch_say "$1 is in the way and no directory"
return 1
fi
if [ -d "$1" ]; then
ch_outside "$1" "$2" "$3" "$4"
else
mkdir -p -m "${2:-755}" -- "$1" && ch_outside "$1" "${3:+$2}" "$3" "$4"
fi
}
