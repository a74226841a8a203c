# Services, by what keeps them on this machine: functions named after it do the same for each.
ch_init=
ch_keeper() {
[ -z "$ch_init" ] || return 0
for ch_init in systemd openrc; do "ch_${ch_init}_there" && return; done
ch_init=
ch_say 'there is no service manager that is known here: neither systemd (/run/systemd/system)' \
'nor OpenRC (/run/openrc) keeps the services of this machine'
return 1
}
# How services are: their units.
ch_services() { ch_keeper && "ch_${ch_init}_look" "$@"; }
# Arguments: who keeps it (supervisor, system, or `new` for a system that did not know it when it was
# looked at), unit, enable (yes or no), run (yes or no), what to do where it runs (restart, reload or
# keep); then the record and the words of what it takes up by that.
ch_service() {
ch_who=$1 ch_x=$2 ch_new=
case $1:" $ch_fresh " in
new:*" $2 "*) ch_new=yes ;;
esac
[ "$ch_who" = supervisor ] || { ch_keeper && ch_who=$ch_init; } || return
"ch_${ch_who}_known" "$3" "$4" || return
"ch_${ch_who}_boot" "$3" "$4" && "ch_${ch_who}_run" "$4" "$5" || {
"ch_${ch_who}_words" >&2
return 1
}
shift 5
[ $# -eq 0 ] || ch_took "$@"
}
# Which of these units were started and have fallen since: one look at all of them.
ch_look_back() {
ch_fallen=
[ -z "$ch_init" ] || "ch_${ch_init}_fallen" "$@"
}
# Whether a unit is none of them.
ch_stands() {
case $ch_fallen in
*" $1 "*)
ch_x=$1
"ch_${ch_init}_words" >&2
return 1
;;
esac
}
