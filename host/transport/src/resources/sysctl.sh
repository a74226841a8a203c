# A key of the kernel: its file, value, name.
ch_sysctl() {
[ -f "$1" ] || {
ch_say "this kernel has no key $3 (a module that is not loaded may bring it)"
return 1
}
if ch_v=$( { printf '%s\n' "$2" >"$1"; } 2>&1); then return; fi
ch_say "the kernel does not take $2 for $3: $ch_v"
return 1
}
