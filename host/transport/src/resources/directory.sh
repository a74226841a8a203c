# A directory: path, mode, owner, group.
ch_directory() {
if [ -L "$1" ] || { [ -e "$1" ] && [ ! -d "$1" ]; }; then
ch_say "$1 is in the way and no directory"
return 1
fi
[ -d "$1" ] || mkdir -p -m "${2:-755}" -- "$1" || return
ch_outside "$1" "$2" "$3" "$4"
}
