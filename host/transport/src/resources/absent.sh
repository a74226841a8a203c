# Nothing at a path: path, then the record, fingerprint and token of the change.
ch_absent() {
ch_to "$1" || {
[ -z "$ch_astray" ]
return
}
ch_here=./${1##*/}
shift
ch_note "$@" || return
ch_lasts "$1" || return
rm -rf -- "$ch_here"
}
