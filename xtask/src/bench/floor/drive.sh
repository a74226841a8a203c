# Gives every machine its script at once and waits for all. Arguments: the ssh configuration, the
# folder of scripts, their ending, the folder of control sockets or nothing, the folder for what
# machines answer or nothing, then the machines.
configuration=$1 folder=$2 ending=$3 sockets=$4 answers=$5
shift 5
speak() {
    if [ -n "$sockets" ]; then
        exec ssh -F "$configuration" -o BatchMode=yes -o ControlMaster=auto \
            -o ControlPersist=1800 -o "ControlPath=$sockets/%h" -T -- "$1" sh -s
    fi
    exec ssh -F "$configuration" -o BatchMode=yes -o ControlMaster=no -o ControlPath=none \
        -T -- "$1" sh -s
}
pids=
for machine; do
    if [ -n "$answers" ]; then
        speak "$machine" <"$folder/$machine.$ending" >"$answers/$machine" &
    else
        speak "$machine" <"$folder/$machine.$ending" &
    fi
    pids="$pids $!"
done
status=0
for pid in $pids; do
    wait "$pid" || status=1
done
exit "$status"
