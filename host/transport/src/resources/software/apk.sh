# Packages by apk, which starts no services.
ch_apk_there() { ch_has apk; }
# It writes name and version as one word; the version is what begins with a digit before the revision.
ch_apk_look() {
ch_v=$(apk info -e -v -- "$@" </dev/null 2>/dev/null)
while IFS= read -r ch_y; do
ch_p=${ch_y%-r*}
ch_p=${ch_p%-*}
for ch_x; do
shift
if [ "$ch_x" = "$ch_p" ]; then
printf 'installed %s %s\n' "$ch_p" "${ch_y#"$ch_p"-}"
else
set -- "$@" "$ch_x"
fi
done
done <<_
$ch_v
_
for ch_x; do
ch_y=$(apk info -e -v -- "$ch_x" </dev/null 2>/dev/null) || continue
ch_y=${ch_y%-r*}
printf 'provided %s %s\n' "$ch_x" "${ch_y%-*}"
done
}
ch_apk() { apk --wait 300 "$@" </dev/null >&2; }
ch_apk_install() { ch_apk add -- "$@" || { ch_apk update && ch_apk add -- "$@"; }; }
ch_apk_traces() { [ -n "$(apk info -e -- "$1" </dev/null 2>/dev/null)" ]; }
# What others need stays, which it calls a success.
ch_apk_remove() {
ch_apk del -- "$@" || return
for ch_x; do
case $(apk info -e -- "$ch_x" </dev/null 2>/dev/null) in
"$ch_x")
ch_say "cannot remove $ch_x: others need it; wish these away too"
return 1
;;
esac
done
}
