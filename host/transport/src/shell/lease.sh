# The lease: which run may change this machine. Its line stands there as a whole from the moment that
# its name does, and never changes: version, token, controller, cell, user, host, run. So its age tells when
# it was taken. Beside it stands which shell last changed something for it; the age of that is the last
# sign of life.
ch_lease() {
ch_lv= ch_lt= ch_lc= ch_lx= ch_lr=
{ IFS=' ' read -r ch_lv ch_lt ch_lc ch_lx ch_lr <"$1"; } 2>/dev/null
}
# When a process began that is there and no mere remnant: number.
ch_began() {
ch_b=
{ IFS= read -r ch_b <"/proc/$1/stat"; } 2>/dev/null
set -- ${ch_b##*) }
ch_b=
[ $# -ge 20 ] || return 0
case $1 in
Z | X) return 0 ;;
esac
shift 19
ch_b=$1
}
# Whether another shell is still there that changed something for a lease: directory, token.
ch_at_work() {
ch_p= ch_s=
{ IFS=' ' read -r ch_p ch_s <"$1/lease.$2"; } 2>/dev/null
case $ch_p in
'' | *[!0-9]* | "$$") return 1 ;;
esac
ch_began "$ch_p"
[ -n "$ch_b" ] && [ "$ch_b" = "$ch_s" ]
}
# Says how the lease stands, under this word: directory, word.
ch_lease_say() {
ch_lease "$1/lease"
[ "$ch_lv" ] || {
ch_end "$2" none
return
}
ch_v=0
! ch_at_work "$1" "$ch_lt" || ch_v=1
ch_a=$(stat -c %Y -- "$1/lease" "$1/lease.$ch_lt" 2>/dev/null </dev/null)
ch_a=${ch_a:-0}
ch_b=$(date +%s </dev/null)
ch_line=$(printf %.900s "$ch_lv $ch_lt $ch_lc $ch_lx $ch_lr")
ch_end "$2" "$ch_b ${ch_a##*
} $ch_v ${ch_a%%
*} $ch_line"
}
# Takes a lease away, unless it is another one by now: directory, token.
ch_lease_drop() {
mv -f -- "$1/lease" "$1/lease.gone.$$" 2>/dev/null </dev/null || return 0
ch_lease "$1/lease.gone.$$"
if [ "$ch_lt" != "$2" ]; then
ln -- "$1/lease.gone.$$" "$1/lease" 2>/dev/null </dev/null
set -- "$1" ''
fi
ch_y=$1/lease.gone.$$
case $2 in
'' | *[!0-9A-Za-z]*) set -- "$ch_y" ;;
*) set -- "$ch_y" "$1/lease.$2" "$1/lease.$2."* ;;
esac
rm -f -- "$@" </dev/null
}
# Takes a lease that nobody has: directory, token, controller, cell, user, host and run.
ch_lease_take() {
if [ -d "$1/lease" ]; then
ch_say "a directory is in the way: $1/lease"
return 1
fi
[ -d "$1" ] || ch_memory_made "$1" || return
ch_t=$1/lease.$2.$$
printf '1 %s %s %s %s\n' "$2" "$3" "$4" "$5" >"$ch_t" &&
ch_line=$(ln -- "$ch_t" "$1/lease" 2>&1 </dev/null) && {
# Its other name goes with it.
ch_t=
return
}
[ -e "$1/lease" ] || {
[ ! -e "$ch_t" ] || ch_say "$ch_line"
ch_clean
return 1
}
ch_clean
}
# Whether a process waits, and has no children: number.
ch_idle() {
for ch_a in /proc/[0-9]*/stat; do
ch_b=
{ IFS= read -r ch_b <"$ch_a"; } 2>/dev/null
set -- "$1" ${ch_b##*) }
[ "${3-}" != "$1" ] || [ "$2" = Z ] || return 1
[ "$ch_a" != "/proc/$1/stat" ] || [ "${2-}" = S ] || return 1
done
}
# Ends what an earlier run left at work, as far as it can be ended: directory, token. A shell that is
# told to ends behind the program that it waits for. One that waits for words hears nothing else.
ch_lease_end() {
ch_at_work "$1" "$2" || return 0
kill -TERM "$ch_p" 2>/dev/null
for ch_k in 1 2 3 4 5 6 7 8 9 10; do
sleep 1 </dev/null
ch_at_work "$1" "$2" || return 0
! ch_idle "$ch_p" || kill -KILL "$ch_p" 2>/dev/null
done
! ch_at_work "$1" "$2"
}
# Lets nothing follow unless this run has the lease: directory, token, controller, cell, user with host
# and run, and `take` where it may be taken.
ch_lease_hold() {
ch_line=
for ch_x in 1 2 3 4; do
ch_lease "$1/lease"
if [ "$ch_lv $ch_lt" = "1 $2" ]; then
ch_began "$$"
{ printf '%s %s\n' "$$" "$ch_b" >"$1/lease.$2"; } 2>/dev/null
return 0
elif [ "$6" != take ]; then
ch_lease_say "$1" lost
exit 0
elif [ -z "$ch_lv" ]; then
# One that came to be in between has its line; to take it away for a moment would let in another.
if [ -f "$1/lease" ]; then
ch_lease "$1/lease"
[ -z "$ch_lv" ] || continue
ch_lease_drop "$1" ''
fi
ch_lease_take "$1" "$2" "$3" "$4" "$5" || {
ch_end unable
exit 0
}
elif [ "$ch_lv $ch_lc $ch_lx" = "1 $3 $4" ]; then
ch_lease_end "$1" "$ch_lt" || {
ch_lease_say "$1" at-work
exit 0
}
ch_lease "$1/lease"
[ "$ch_lc $ch_lx" != "$3 $4" ] || ch_lease_drop "$1" "$ch_lt"
else
break
fi
done
ch_lease_say "$1" another
exit 0
}
# Ends what an earlier run of this controller and cell left at work: directory, token, controller,
# cell. Takes nothing.
ch_lease_inherit() {
ch_lease "$1/lease"
if [ "$ch_lv $ch_lc $ch_lx" = "1 $3 $4" ] && [ "$ch_lt" != "$2" ] && ! ch_lease_end "$1" "$ch_lt"; then
ch_lease_say "$1" at-work
else
ch_lease_say "$1" lease
fi
}
# A sign of life from afar: directory, token.
ch_lease_renew() {
ch_lease "$1/lease"
[ "$ch_lt" != "$2" ] || touch -- "$1/lease.$2" 2>/dev/null </dev/null
ch_lease_say "$1" lease
}
# Gives a lease back, unless something is still at work for it: directory, token.
ch_lease_release() {
ch_lease "$1/lease"
[ "$ch_lt" != "$2" ] || ch_at_work "$1" "$2" || ch_lease_drop "$1" "$2"
ch_lease_say "$1" lease
}
# Takes a lease away: directory, token.
ch_lease_remove() {
ch_lease "$1/lease"
[ "$ch_lt" != "$2" ] || ch_lease_drop "$1" "$2"
ch_lease_say "$1" lease
}
