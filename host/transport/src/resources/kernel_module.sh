# Whether a module is loaded: its name as the kernel writes it, and as a pattern of either way.
ch_kernel_module_look() {
if [ -e "/sys/module/$1/initstate" ]; then
printf l
elif [ -d "/sys/module/$1" ] || grep -q "/$2\.ko" "/lib/modules/$(uname -r)/modules.builtin" 2>/dev/null; then
printf b
fi
ch_mark module
}
# "loaded" or "absent", name.
ch_kernel_module() {
ch_has modprobe || {
ch_say "there is no modprobe on this machine, so module $2 can be neither loaded nor unloaded"
return 1
}
if [ "$1" = loaded ]; then modprobe "$2"; else modprobe -r "$2"; fi
}
