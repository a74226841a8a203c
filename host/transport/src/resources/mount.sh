# A mount: mount point, source, type, options.
ch_mount() { mount -t "$3" -o "$4" -- "$2" "$1"; }
ch_remount() { mount -o "remount,$2" -- "$1"; }
ch_unmount() { umount -- "$1"; }
ch_mounted_else() {
ch_say "$2 is mounted at $1, and $3 is wanted there; it is not unmounted under whoever uses it"
return 1
}
