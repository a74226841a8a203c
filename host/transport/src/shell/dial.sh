# Talks to a port: address, port, most bytes wanted, seconds. Ends with 97 where nobody could be
# reached.
ch_dial() {
ch_own=
ch_has setsid && ch_own=setsid
if ch_has bash; then
exec $ch_own bash -c 'exec 3<>"/dev/tcp/$1/$2" || exit 97
cat >&3
exec dd bs=1 count="$3" <&3 2>/dev/null' bash "$@"
elif ch_has nc; then
case "$(nc --help 2>&1)" in
*BusyBox*)
[ "$3" != 0 ] || exec $ch_own nc -w "$4" "$1" "$2" -e true
ch_v=
;;
*)
[ "$3" != 0 ] || exec $ch_own nc -v -z -w "$4" "$1" "$2"
ch_v=-v
;;
esac
exec $ch_own sh -c 'nc $5 -w "$4" "$1" "$2" | { dd bs=1 count="$3" 2>/dev/null; [ -z "$6" ] || kill -TERM 0; }' sh "$@" "$ch_v" "$ch_own"
fi
ch_say 'neither bash nor nc is there to talk to a port'
exit 96
}
