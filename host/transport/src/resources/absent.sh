# Nothing at a path: path, then the record, fingerprint and token of the change.
ch_absent() {
ch_p=$1
shift
ch_note "$@" || return
ch_lasts "$1" || return
rm -rf -- "$ch_p"
}
