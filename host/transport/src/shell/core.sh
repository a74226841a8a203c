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
# Where this shell is at home, and the directory that it went to for a path, as that is written: `-` at
# home, `?` for any other.
ch_base=$PWD ch_at=-
ch_nl='
'
# Just its name where it is built in.
ch_print=$(command -v printf)
ch_begin() {
ch_n=$1 ch_f= ch_bad= ch_bound= ch_realm= ch_astray=
[ -z "$ch_j" ] || wait "$ch_j" 2>/dev/null
ch_j= ch_in= ch_d=
ch_mark begin
ch_mark begin >&2
}
ch_mark() { printf '%s %s\n' "$ch_n" "$*"; }
ch_end() {
ch_back
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
ch_unpin
}
# Goes home.
ch_back() {
[ "$ch_at" = - ] || cd -- "$ch_base" 2>/dev/null || cd /
ch_at=-
}
# Goes to a directory, and tells in `ch_real` where that is: not by its name, but by what the kernel
# says of where this shell is then. Bash believes what it read of links on the way, so it is asked again.
ch_go() {
ch_at='?'
cd -P -- "$1" 2>/dev/null || return
[ -z "${BASH_VERSION-}" ] || cd -P -- /proc/self/cwd 2>/dev/null || return
ch_real=${PWD%/}
}
# Binds the request to places, each as it really is, a line each in `ch_realm`: links on the way to one
# count as the system's own where nobody else could have put them there.
ch_bind() {
ch_bound=1 ch_realm=
for ch_p; do
ch_x=${ch_p%/*} ch_y=/${ch_p##*/}
until ch_go "${ch_x:-/}"; do
ch_y=/${ch_x##*/}$ch_y ch_x=${ch_x%/*}
done
[ "$ch_real" = "$ch_x" ] || ch_leads_by_root "$ch_x" || continue
ch_realm=$ch_realm$ch_real${ch_y%/}$ch_nl
done
ch_back
}
# Goes a way link by link, as long as each stands where nobody but root, or who this shell is, can put any.
ch_leads_by_root() {
ch_z=$1/ ch_i=0
ch_go / || return
while ch_z=${ch_z#/} && [ "$ch_z" ]; do
ch_a=${ch_z%%/*} ch_z=${ch_z#*/} ch_b=$ch_real
case $ch_a in
'' | . | ..) ;;
*)
if [ -L "./$ch_a" ]; then
ch_i=$((ch_i + 1))
[ "$ch_i" -le 40 ] || return
case $(stat -c '%u %a' . </dev/null) in
"0 "*[0145][0145] | "$ch_uid "*[0145][0145]) ;;
*) return 1 ;;
esac
ch_v=$(readlink -n -- "./$ch_a" </dev/null) || return
ch_z=$ch_v/$ch_z
case $ch_v in
/*) ch_go / || return ;;
esac
continue
fi
ch_b=$ch_b/$ch_a
;;
esac
ch_go "./$ch_a" || return
[ "$ch_a" = .. ] || [ "$ch_real" = "$ch_b" ] || return
done
}
# Whether a place, as it really is, is where this request is bound to.
ch_within() {
[ "$ch_bound" ] || return 0
ch_z=$ch_realm
while [ "$ch_z" ]; do
ch_a=${ch_z%%"$ch_nl"*} ch_z=${ch_z#*"$ch_nl"}
case $1/ in
"$ch_a"/*) return 0 ;;
esac
done
return 1
}
# Refuses a path: that, and where it leads.
ch_stray() {
ch_astray=1
ch_say "\`$1\` leads to \`$2\`"
ch_mark astray >&2
return 1
}
# Goes to the directory of a path and stays: whatever takes its place later, this is where names lead
# then. Fails without a word where there is none.
ch_to() {
ch_v=${1%/*}
[ "$ch_at" = "$ch_v" ] || {
case $1 in
/*) ;;
*) ch_back ;;
esac
ch_go "${ch_v:-/}" || return
ch_at=$ch_v
}
ch_within "$ch_real/${1##*/}" || ch_stray "$1" "$ch_real/${1##*/}"
}
# The same, and says so where there is none.
ch_into() {
ch_to "$1" && return
if [ "$ch_astray" ]; then
return 1
elif [ -d "${ch_v:-/}" ]; then
ch_say "permission denied: ${ch_v:-/}"
else
ch_say "there is no directory ${ch_v:-/}"
fi
return 1
}
# Holds the directory of a path open, as the next descriptor. `ch_way` leads there; it is empty where
# there is none.
ch_pin() {
ch_way= ch_dir=${1%/*}
case $1 in
/*) ;;
*) ch_back ;;
esac
if ch_go "${ch_dir:-/}"; then ch_hold; else ch_fd=$((ch_fd + 1)); fi
}
# The same for the directory that this shell is in.
ch_hold() {
ch_way=$ch_dir ch_fd=$((ch_fd + 1))
[ ! -r . ] || eval "command exec $ch_fd<." 2>/dev/null || return 0
[ ! "/proc/self/fd/$ch_fd/." -ef . ] || ch_way=/proc/self/fd/$ch_fd
}
ch_unpin() { exec 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-; }
# Where the file is that descriptor 3 reads, whatever name it was opened by.
ch_opened() {
ch_v=$(readlink -n -- /proc/self/fd/3 </dev/null) || return
ch_v=${ch_v%' (deleted)'}
}
# Whether descriptor 3 reads what stands here by a name, and not what that leads to: the path.
ch_is_here() {
[ "$ch_bound" ] || return 0
ch_opened || return
[ "$ch_v" != "$ch_real/${1##*/}" ] || return 0
! ch_within "$ch_v" || { ch_say "$1 has changed since it was looked at" && return 1; }
ch_stray "$1" "$ch_v"
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
ch_back
ch_step=$1 ch_f= ch_by= ch_astray=
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
