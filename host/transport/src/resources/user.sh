ch_user_look() {
ch_v=$(ch_entry passwd "$1")
if [ -n "$ch_v" ]; then
printf '%s\n' "$ch_v"
id -gn -- "$1" </dev/null
id -Gn -- "$1" </dev/null
fi
ch_mark user
}
# A user: name, group, home, shell, then groups to join.
ch_user() {
ch_u=$1 ch_g=$2 ch_home=$3 ch_sh=$4
shift 4
ch_group "$ch_g" || return
ch_v=$(ch_entry passwd "$ch_u")
if ch_has useradd; then
if [ -z "$ch_v" ]; then
useradd --system --no-create-home --gid "$ch_g" --home-dir "$ch_home" --shell "$ch_sh" -- "$ch_u" >&2 || return
else
[ "$(id -gn -- "$ch_u")" = "$ch_g" ] || usermod --gid "$ch_g" -- "$ch_u" >&2 || return
ch_v=${ch_v#*:*:*:*:*:}
[ "${ch_v%%:*}" = "$ch_home" ] || usermod --home "$ch_home" -- "$ch_u" >&2 || return
[ "${ch_v#*:}" = "$ch_sh" ] || usermod --shell "$ch_sh" -- "$ch_u" >&2 || return
fi
for ch_x; do usermod --append --groups "$ch_x" -- "$ch_u" >&2 || return; done
elif ch_has adduser; then
if [ -z "$ch_v" ]; then
adduser -S -D -H -h "$ch_home" -s "$ch_sh" -G "$ch_g" "$ch_u" >&2 || return
else
ch_v=${ch_v#*:*:*:*:*:}
[ "$(id -gn -- "$ch_u")" = "$ch_g" ] && [ "$ch_v" = "$ch_home:$ch_sh" ] || {
ch_say "cannot change the group, home or shell of $ch_u without usermod, which Alpine has in its package shadow"
return 1
}
fi
for ch_x; do addgroup "$ch_u" "$ch_x" >&2 || return; done
else
ch_say 'neither useradd and usermod nor adduser is there'
return 1
fi
}
# The home stays.
ch_no_user() {
if ch_has userdel; then
userdel -- "$1"
elif ch_has deluser; then
deluser "$1"
else
ch_say 'neither userdel nor deluser is there'
return 1
fi
}
