//! A package, a group, files, a link, a line, a service that restarts, something that is made once,
//! and commands of which nobody but their own program knows whether they ran: whatever is done twice
//! can be told afterwards.

use cellhost_sdk::prelude::*;

/// The program behind the commands. It ends what it began, whoever wants it to end; how often it was
/// called stands in memory, and what came of it on the disk.
const CHORE: &str = r#"#!/bin/sh
cd /var/lib/chores || exit
[ "$1" != has ] || exec grep -qsxF -e "put $2" -e "add $2" -e "draw $2" ledger
trap '' HUP INT TERM
echo "$1 $2" >>/run/chores
sleep "$(cat pace)"
case $1 in
put) grep -qsxF "put $2" ledger || echo "put $2" >>ledger ;;
add | draw) echo "$1 $2" >>ledger ;;
make) echo made >"$2" ;;
esac
echo "ended $1 $2" >>/run/chores
"#;
const PROGRAM: &str = "/usr/local/bin/chore";
/// The file that the service restarts for.
const CONFIGURATION: &str = "/etc/chores/chores.conf";
/// A service that writes down what it started with.
const UNIT: &str = "[Service]\n\
    ExecStart=/bin/sh -c 'cat /etc/chores/chores.conf >>/var/lib/chores/starts; exec sleep infinity'\n\
    [Install]\n\
    WantedBy=multi-user.target\n";

/// What can be set.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// What is in the configuration, and a part of every chore's name.
    text: String,
    /// How many seconds a chore takes.
    #[serde(default = "usual")]
    pace: String,
    /// Whether there is a chore that only a person can tell about, where it is in doubt.
    #[serde(default = "is_usual")]
    draws: bool,
}

fn usual() -> String {
    "0.1".to_owned()
}

fn is_usual() -> bool {
    true
}

struct Chores;

impl Module for Chores {
    type Settings = Settings;

    fn apply(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
        let Settings { text, pace, draws } = cell.settings();
        machine.ensure((
            Software::named(["redis-tools"]),
            Group::named("chores"),
            Directory::at("/var/lib/chores"),
            File::at("/var/lib/chores/pace").text(format!("{pace}\n")),
            File::at(PROGRAM).text(CHORE).mode(0o755),
        ))?;
        chore("put", Doubt::Again, &format!("{text}-first"), machine)?;
        machine.ensure((
            Directory::at("/etc/chores").mode(0o750),
            File::at(CONFIGURATION)
                .text(format!("{text}\n"))
                .group("chores"),
            Link::at("/etc/chores/current", CONFIGURATION),
            Line::at("/etc/motd", format!("chores: {text}"))
                .replacing("^chores: ")
                .create(),
            UnitFile::named("chores.service", UNIT),
            Service::named("chores")
                .enabled()
                .running()
                .restart_for([CONFIGURATION]),
        ))?;
        let name = format!("{text}-second");
        chore("add", Doubt::Verify(has(&name)), &name, machine)?;
        let made = format!("/var/lib/chores/made-{text}");
        machine.ensure(Creation::at(&made, [PROGRAM, "make", &made]))?;
        if *draws {
            chore("draw", Doubt::Ask, &format!("{text}-third"), machine)?;
        }
        machine.ensure(File::at("/etc/chores/done").text(format!("{text}\n")))?;
        Ok(())
    }

    fn form(cell: &Cell<Settings>) -> Result<(), Failure> {
        let name = format!("{}-together", cell.settings().text);
        match cell.members().first() {
            Some(first) => chore("add", Doubt::Verify(has(&name)), &name, first),
            None => Ok(()),
        }
    }

    fn health(_: &Cell<Settings>, machine: &Machine) -> Result<Condition, Failure> {
        let active = Command::new(["systemctl", "is-active", "chores"]).probe(machine)?;
        Ok(if active.is_success() {
            Condition::Healthy
        } else {
            Condition::Down(format!("its service is {}", active.text()))
        })
    }

    fn remove(_: &Cell<Settings>, machine: &Machine, _: bool) -> Result<(), Failure> {
        machine.ensure((
            Service::named("chores").disabled().stopped(),
            NoUnitFile::named("chores.service"),
            Absent::at("/etc/chores"),
        ))?;
        Ok(())
    }
}

cellhost_sdk::export!(Chores);

/// Asks whether a chore is done.
fn has(name: &str) -> Command {
    Command::new([PROGRAM, "has", name])
}

/// Has a chore done that was not done before.
fn chore(verb: &str, doubt: Doubt, name: &str, machine: &Machine) -> Result<(), Failure> {
    if has(name).probe(machine)?.is_success() {
        return Ok(());
    }
    let ran = Command::new([PROGRAM, verb, name]).run(machine, doubt)?;
    ran.expect_success(&format!("cannot do {name}"))
}
