# A link: path, target, temporary name; then the record, fingerprint and token of the change.
ch_link() {
ch_into "$1" || return
ch_here=./${1##*/}
if [ -d "$ch_here" ] && [ ! -L "$ch_here" ]; then
ch_say "$1 is a directory"
return 1
fi
ln -s -- "$2" "./${3##*/}" || return
ch_t=./${3##*/}
shift 3
ch_note "$@" || return
ch_lasts "$1" || return
ch_rename "$ch_here"
}
