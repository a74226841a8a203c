# A line of the passwd or group database by name.
ch_entry() {
if ch_has getent; then
getent "$1" "$2" </dev/null
return
fi
while IFS= read -r ch_v; do
case $ch_v in
"$2":*)
printf '%s\n' "$ch_v"
return
;;
esac
done <"/etc/$1"
return 1
}
ch_group_look() {
ch_entry group "$1"
ch_mark group
}
ch_group() {
[ -z "$(ch_entry group "$1")" ] || return 0
if ch_has groupadd; then
groupadd --system -- "$1" >&2
elif ch_has addgroup; then
addgroup -S "$1" >&2
else
ch_say 'neither groupadd nor addgroup is there'
return 1
fi
}
ch_no_group() {
if ch_has groupdel; then
groupdel -- "$1"
elif ch_has delgroup; then
delgroup "$1"
else
ch_say 'neither groupdel nor delgroup is there'
return 1
fi
}
