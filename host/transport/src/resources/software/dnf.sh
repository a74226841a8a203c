# Packages by dnf and rpm, which start no services.
ch_dnf_there() { ch_has dnf && ch_has rpm; }
ch_dnf_look() {
ch_v=$(rpm -q --qf 'installed %{NAME} %|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE} %{ARCH}\n' -- "$@" </dev/null 2>/dev/null)
printf '%s\n' "$ch_v"
for ch_x; do
case "
$ch_v" in
*"
installed $ch_x "*) continue ;;
esac
ch_y=$(rpm -q --whatprovides --qf '%{NAME}\n' -- "$ch_x" </dev/null 2>/dev/null) || continue
printf 'provided %s %s\n' "$ch_x" "${ch_y%%
*}"
done
}
ch_dnf() { dnf -y --setopt=install_weak_deps=False "$@" </dev/null >&2; }
ch_dnf_install() {
for ch_x; do
shift
case $ch_x in
*=*) ch_x=${ch_x%%=*}-${ch_x#*=} ;;
esac
set -- "$@" "$ch_x"
done
ch_dnf install -- "$@" || ch_dnf --refresh install -- "$@"
}
ch_dnf_traces() { rpm -q -- "$1" </dev/null >/dev/null 2>&1; }
# Packages that need one that goes would go too.
ch_dnf_remove() {
rpm -e --test -- "$@" </dev/null >&2 || {
ch_say "cannot remove $*: others need it; wish these away too"
return 1
}
ch_dnf --setopt=clean_requirements_on_remove=False remove -- "$@"
}
