# The frame of every answer. A mark is written by one call that ends a line, so that it is never torn.
# `ch_n` is the nonce of the request under way, `ch_f` is set once a question or a step failed,
# `ch_bad` lists the steps that did not come about, `ch_t` names a temporary
# file or directory, `ch_j` is the job that runs a command.
LC_ALL=C
export LC_ALL
umask 022
for ch_d in /usr/local/sbin /usr/sbin /sbin; do
case ":$PATH:" in
*":$ch_d:"*) ;;
*) PATH=$PATH:$ch_d ;;
esac
done
ch_f= ch_t= ch_j= ch_d= ch_in= ch_restore= ch_reload= ch_fresh= ch_most= ch_leads= ch_maker=
# Just its name where it is built in.
ch_print=$(command -v printf)
ch_begin() {
ch_n=$1 ch_f= ch_bad=
[ -z "$ch_j" ] || wait "$ch_j" 2>/dev/null
ch_j= ch_in= ch_d=
ch_mark begin
ch_mark begin >&2
}
ch_mark() { printf '%s %s\n' "$ch_n" "$*"; }
ch_end() {
ch_mark end "$@"
ch_mark end >&2
}
ch_say() { printf '%s\n' "$*" >&2; }
ch_has() { command -v "$1" >/dev/null 2>&1; }
# Questions go on until one fails, and so does what one step does.
ch_ask() {
[ -z "$ch_f" ] || return 0
"$@" </dev/null || ch_fail
}
ch_do() { ch_ask "$@" >&2; }
ch_close() { if [ -z "$ch_f" ]; then ch_end ok; else ch_end refused; fi; }
ch_feed() {
[ -z "$ch_f" ] || return 0
"$@" || ch_fail
}
ch_fail() {
ch_f=1
ch_clean
}
ch_clean() {
[ -z "$ch_t" ] || rm -rf -- "$ch_t"
ch_t=
}
# Makes the directory of what outlives a run, all of it by one program. Nobody else is to read it: a hash
# tells whoever guesses a short secret that it is right.
ch_memory_made() {
umask 077
mkdir -p -- "$1/changed" "$1/restarted" "$1/begun" </dev/null
ch_v=$?
umask 022
return "$ch_v"
}
# Begins a step: its number, then those of the steps that it needs.
ch_next() {
ch_step=$1 ch_f= ch_by=
shift
for ch_v; do
case "$ch_bad " in
*" $ch_v "*)
ch_f=1 ch_by=$ch_v
return
;;
esac
done
}
# Tells what became of a step, behind the words of that. Each mark is a message on its way: a step that
# says nothing where all went well needs none then, and `quietly` leaves it out.
ch_done() {
ch_v=done
[ -z "$ch_f" ] || ch_v=failed ch_bad="$ch_bad $ch_step"
[ -z "$ch_by" ] || ch_v=stopped
ch_f=
case $ch_v:${1-} in
done:quietly) ;;
*) ch_mark "$ch_v" "$ch_step" $ch_by >&2 ;;
esac
}
# When the controller is gone, or ends this shell, so does what runs for it.
ch_leave() {
trap '' HUP INT PIPE TERM
trap - EXIT
ch_clean
! ch_has ch_sweep || ch_sweep
[ -z "$ch_restore" ] || $ch_restore
[ -z "$ch_maker" ] || ch_creation_end
[ -z "$ch_j" ] || {
kill -TERM 0
wait "$ch_j" 2>/dev/null
}
}
trap ch_leave EXIT
# Where nobody hears any more is nobody to work for, and what was begun is cleared away all the same.
trap 'exit 143' HUP INT PIPE TERM
