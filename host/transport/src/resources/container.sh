# The engine of containers, docker before podman.
ch_engine() {
for ch_e in docker podman; do ch_has "$ch_e" && return; done
ch_say 'neither docker nor podman is on this machine'
return 1
}
# How a container is and as what it was started. No engine has none.
ch_container_is() {
ch_engine 2>/dev/null || return 0
ch_v=$("$ch_e" ps --all --quiet --filter "name=$2" 2>/dev/null) || {
printf 'unknown\n'
return
}
[ -z "$ch_v" ] || "$ch_e" container inspect --format '{{.State.Status}} {{index .Config.Labels "cellhost.spec"}}' "$1"
}
ch_container_look() {
ch_container_is "$1" "$2"
ch_mark container
}
# Takes a container away, if it is ours: name, pattern for it.
ch_no_container() {
ch_engine || return
ch_v=$("$ch_e" ps --all --quiet --filter "name=$2") || return
[ "$ch_v" ] || return 0
case $("$ch_e" container inspect --format '{{index .Config.Labels "cellhost.spec"}}' "$1") in
'' | '<no value>')
ch_say "the container $1 was not made by cellhost, and is left alone"
return 1
;;
esac
"$ch_e" stop "$1" && "$ch_e" rm --force "$1"
}
# Name, pattern for it, hash of what it is started as, image, a file for variables, how many there
# are, the variables, and the rest of what the engine is told. Everybody sees arguments: variables
# may be secrets, and the hash tells whoever guesses a short one that it is right.
ch_container() {
ch_engine || return
ch_x=$1 ch_pattern=$2 ch_y=$3 ch_p=$5 ch_i=$6
# What runs goes on until the image is there.
"$ch_e" image inspect "$4" >/dev/null 2>&1 || "$ch_e" pull --quiet "$4" || return
shift 6
{ [ -d "${ch_p%/*}" ] || ch_memory_made "${ch_p%/*}"; } && (umask 077 && set -C && : >"$ch_p") || return
ch_t=$ch_p
while [ "$ch_i" -gt 0 ]; do
printf '%s\n' "$1" >>"$ch_p" || return
shift
ch_i=$((ch_i - 1))
done
ch_no_container "$ch_x" "$ch_pattern" || return
printf 'cellhost.spec=%s\n' "$ch_y" | "$ch_e" run --detach --name "$ch_x" --label-file /proc/self/fd/0 --env-file "$ch_p" "$@" || return
ch_clean
ch_v=$("$ch_e" container inspect --format '{{.State.Status}}' "$ch_x") || return
[ "$ch_v" != running ] || return 0
ch_say "the container $ch_x ended at once:"
"$ch_e" logs --tail 12 "$ch_x"
return 1
}
