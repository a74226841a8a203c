# A link: path, target, temporary name.
ch_link() {
if [ -d "$1" ] && [ ! -L "$1" ]; then
ch_say "$1 is a directory"
return 1
fi
ln -s -- "$2" "$3" || return
ch_t=$3
ch_rename "$1"
}
