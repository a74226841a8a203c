ch_absent() { rm -rf -- "$1"; }
