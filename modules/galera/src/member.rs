//! What concerns one machine: software, configuration, service.

use std::net::IpAddr;

use cellhost_sdk::log;
use cellhost_sdk::prelude::*;

use crate::account;
use crate::decision;
use crate::look::{self, Seen, State};
use crate::room;
use crate::settings::Settings;

/// Which cluster the machine is a member of. It is not with the data, so that it outlives it.
pub(crate) const NOTE: &str = "/etc/mysql/cell/cluster";
pub(crate) const DATA: &str = "/var/lib/mysql";
/// How far a member is, by its own word.
pub(crate) const GRASTATE: &str = "/var/lib/mysql/grastate.dat";
/// What makes the service begin a cluster instead of joining one.
pub(crate) const BEGINNING: &str = "/run/mariadb-wsrep-new-cluster";
pub(crate) const SERVICE: &str = "mariadb";
const HOME: &str = "/etc/mysql/cell";
const CONFIGURATION: &str = "/etc/mysql/mariadb.conf.d/99-cell.cnf";
const MEMBERS: &str = "/etc/mysql/mariadb.conf.d/98-cell-members.cnf";
const UNIT: &str = "/etc/systemd/system/mariadb.service.d";
const DROP_IN: &str = "/etc/systemd/system/mariadb.service.d/cell.conf";
/// The seconds that a member may take from when its service runs until it is in step.
const PATIENCE: u32 = 900;

/// Brings one machine to where it should be. One that does not serve is started only beside others
/// that do: whether a cluster is begun is for `form` to say.
pub(crate) fn apply(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
    let own = look::at(machine);
    if let State::Unknown(why) = &own.state {
        return Err(Failure::failed(why));
    }
    let cluster = cluster(cell);
    if let Some(why) = own.stranger(&cluster) {
        return Err(Failure::refused(why));
    }
    let giver = if own.lives() {
        None
    } else {
        living_other(cell, machine, &own)?
    };
    machine.ensure((
        Software::named(["mariadb-server", "galera-4", "mariadb-backup", "socat"]),
        Directory::at(DATA)
            .mode(0o700)
            .owner("mysql")
            .group("mysql"),
        configuration(cell, machine)?,
        // Whoever died while these were there.
        [account::SCRIPT, BEGINNING].map(Absent::at),
        own.lives().then(|| (note(&cluster), service())),
    ))?;
    if let Some(giver) = giver {
        if own.state == State::Between {
            // What it is about to be it is by the configuration that it had.
            await_step(machine)?;
        }
        if own.lacks_data() {
            room::check(machine, &giver)?;
        }
        start(cell, machine)?;
    }
    Ok(())
}

/// Starts a member beside others, and returns once it is in step with them.
pub(crate) fn start(cell: &Cell<Settings>, machine: &Machine) -> Result<Seen, Failure> {
    // It says that it runs only once it has all data.
    machine.ensure(service())?;
    machine.ensure(note(&cluster(cell)))?;
    await_step(machine)
}

/// Starts a member as the one that others come to.
pub(crate) fn begin(cell: &Cell<Settings>, machine: &Machine) -> Result<Seen, Failure> {
    let words = "_WSREP_NEW_CLUSTER='--wsrep-new-cluster'\n";
    let begun = machine.ensure((
        File::at(BEGINNING).text(words).mode(0o644).owner("root"),
        service(),
    ));
    // Whatever came of it: the next start is none of that kind.
    machine.ensure(Absent::at(BEGINNING))?;
    begun?;
    machine.ensure(note(&cluster(cell)))?;
    await_step(machine)
}

/// Takes the service off; the data only with `purge`.
pub(crate) fn remove(machine: &Machine, purge: bool) -> Result<(), Failure> {
    machine.ensure((
        Service::named(SERVICE).disabled().stopped(),
        [HOME, CONFIGURATION, MEMBERS, BEGINNING].map(Absent::at),
        machine.absent_with_room(DROP_IN)?,
        purge.then(|| Absent::at(DATA)),
    ))?;
    Ok(())
}

/// Says which cluster a machine is a member of.
pub(crate) fn cluster(cell: &Cell<Settings>) -> String {
    let own = cell.settings().cluster_name.clone();
    own.unwrap_or_else(|| cell.name())
}

/// Runs statements on a member itself, as this user.
pub(crate) fn client(user: &str, statements: &str) -> Command {
    let user = format!("--user={user}");
    let words = [
        "mariadb",
        "--no-defaults",
        user.as_str(),
        "--connect-timeout=5",
    ];
    let how = ["--batch", "--skip-column-names", "--execute", statements];
    Command::new(words.into_iter().chain(how)).deadline_seconds(20)
}

/// An address of IPv6 has colons of its own.
pub(crate) fn bracketed(address: &str) -> String {
    if address.contains(':') {
        format!("[{address}]")
    } else {
        address.to_owned()
    }
}

/// Finds a member of a cluster that this one may join. Refuses where its own data would be lost by
/// that.
fn living_other(
    cell: &Cell<Settings>,
    machine: &Machine,
    own: &Seen,
) -> Result<Option<Machine>, Failure> {
    let mut others = cell.members();
    others.extend(cell.leaving());
    others.retain(|other| other.ordinal() != machine.ordinal());
    let seen = look::all(&others);
    let mut living = others.into_iter().zip(&seen);
    let Some((other, living)) = living.find(|(_, one)| one.lives()) else {
        return Ok(None);
    };
    decision::may_join(own, living, &cluster(cell)).map_err(Failure::refused)?;
    Ok(Some(other))
}

/// Waits until a member whose service runs is in step with the others.
fn await_step(machine: &Machine) -> Result<Seen, Failure> {
    let mut seen = look::at(machine);
    for _ in 0..PATIENCE {
        match &seen.state {
            _ if seen.is_in_step() => return Ok(seen),
            State::Stopped(_) => break,
            state => log::doing(&format!("waiting for {}, which {state}", seen.name)),
        }
        machine.pause(1)?;
        seen = look::at(machine);
    }
    Err(Failure::failed(format!(
        "{} was started and {}. `journalctl -u {SERVICE}` on it says why",
        seen.name, seen.state
    )))
}

fn service() -> Service {
    Service::named(SERVICE)
        .enabled()
        .running()
        .restart_for([CONFIGURATION])
}

fn note(cluster: &str) -> File {
    File::at(NOTE).text(format!("{cluster}\n")).mode(0o644)
}

fn configuration(cell: &Cell<Settings>, machine: &Machine) -> Result<impl Wishes, Failure> {
    let settings = cell.settings();
    let address = machine.address();
    // A machine may know its own name as 127.0.1.1, where nobody else reaches it.
    let literal: Option<IpAddr> = address.parse().ok();
    let members = cell.members();
    let members: Vec<String> = members
        .iter()
        .map(|one| {
            format!(
                "{}:{}",
                bracketed(&one.address()),
                settings.replication_port
            )
        })
        .collect();
    let variables = json!({
        "cluster": cluster(cell),
        "name": machine.name(),
        "address": bracketed(&address),
        "bind": literal.map_or("*".to_owned(), |own| own.to_string()),
        "listen": literal.map_or("0.0.0.0".to_owned(), |own| bracketed(&own.to_string())),
        "members": members,
        "port": settings.port,
        "replication_port": settings.replication_port,
        "ist_port": settings.ist_port,
        "sst_port": settings.sst_port,
        "buffer_pool": settings.buffer_pool,
        "write_cache": settings.write_cache,
        "max_connections": settings.max_connections,
        "appliers": settings.appliers,
        "flush_at_commit": settings.flush_at_commit,
        "account": account::GIVING,
        "password": settings.sst_password,
        "options": settings.options,
    });
    Ok((
        Directory::at(HOME).mode(0o755),
        Directory::at(UNIT).mode(0o755),
        File::at(DROP_IN)
            .rendered("mariadb.conf", &variables)?
            .mode(0o644),
        // Members that come and go are no reason to restart: each reads it when it starts.
        File::at(MEMBERS)
            .rendered("members.cnf", &variables)?
            .mode(0o644),
        File::at(CONFIGURATION)
            .rendered("galera.cnf", &variables)?
            .mode(0o640)
            .group("mysql"),
    ))
}
