//! What concerns one machine: software, configuration, service.

use std::net::IpAddr;

use cellhost_sdk::prelude::*;

use crate::formation;
use crate::list::List;
use crate::settings::Settings;

/// Who belongs to the ensemble.
pub(crate) const LIST: &str = "/etc/zookeeper/cell/members";
pub(crate) const SERVICE: &str = "zookeeper-member";
const HOME: &str = "/etc/zookeeper/cell";
const CONFIGURATION: &str = "/etc/zookeeper/cell/zoo.cfg";
const UNIT: &str = "/etc/systemd/system/zookeeper-member.service";
const USER: &str = "zookeeper";

/// Brings one machine to where it should be, all but who belongs to the ensemble. A service
/// whose data has not been given to it does not start.
pub(crate) fn apply(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
    let settings = cell.settings();
    let variables = variables(cell, machine);
    let changes = machine.ensure((
        Group::named(USER),
        User::named(USER).home("/var/lib/zookeeper"),
        settings.directories().map(directory).collect::<Vec<_>>(),
        Directory::at(HOME).mode(0o755),
        File::at(CONFIGURATION)
            .rendered("zoo.cfg", &variables)?
            .mode(0o640)
            .group(USER),
        UnitFile::rendered(
            format!("{SERVICE}.service"),
            "zookeeper-member.service",
            &variables,
        )?,
        // Nothing before needs it, and nobody can foretell what stands behind a package.
        Software::named(["libzookeeper-java", "default-jre-headless"]),
        service(),
    ))?;
    // One without data was not running, and does not by this either.
    if changes.of(SERVICE) {
        return formation::join(cell, machine);
    }
    Ok(())
}

/// Gives a member its data and the list of members, and lets it start with them. Only a founder
/// may vote without data.
pub(crate) fn enlist(
    cell: &Cell<Settings>,
    machine: &Machine,
    list: &List,
    is_founder: bool,
) -> Result<(), Failure> {
    let settings = cell.settings();
    let founder = format!("{}/initialize", settings.data_dir);
    machine.ensure((
        File::at(LIST).text(list.render()).mode(0o644),
        File::at(number(settings))
            .text(format!("{}\n", machine.ordinal()))
            .mode(0o644),
        is_founder.then(|| File::at(founder).text("").mode(0o644)),
        // Last: with it the service starts, and the others have to be there.
        File::at(marker(cell, machine))
            .text("Given to this member by cellhost.\n")
            .mode(0o644),
        service(),
    ))?;
    Ok(())
}

/// Stops a member for good, and makes it forget the others.
pub(crate) fn dismiss(machine: &Machine) -> Result<(), Failure> {
    machine.ensure((
        Service::named(SERVICE).disabled().stopped(),
        Absent::at(LIST),
    ))?;
    Ok(())
}

/// Takes the service off; the data only with `purge`.
pub(crate) fn remove(settings: &Settings, machine: &Machine, purge: bool) -> Result<(), Failure> {
    let data = || settings.directories().map(Absent::at).collect::<Vec<_>>();
    machine.ensure((
        Service::named(SERVICE).disabled().stopped(),
        NoUnitFile::named(format!("{SERVICE}.service")),
        machine.absent_with_room(HOME)?,
        purge.then(data),
    ))?;
    Ok(())
}

/// Returns where a mark says that the data is this member's. Its name says whose, so that data
/// that came from elsewhere has none.
pub(crate) fn marker(cell: &Cell<Settings>, machine: &Machine) -> String {
    let directory = &cell.settings().data_dir;
    format!(
        "{directory}/member-{}-of-{}",
        machine.ordinal(),
        cell.name()
    )
}

/// Returns where ZooKeeper has its member's number.
pub(crate) fn number(settings: &Settings) -> String {
    format!("{}/myid", settings.data_dir)
}

fn service() -> Service {
    Service::named(SERVICE)
        .enabled()
        .running()
        .restart_for([CONFIGURATION, UNIT, LIST])
}

fn directory(path: &str) -> Directory {
    Directory::at(path).mode(0o750).owner(USER).group(USER)
}

fn variables(cell: &Cell<Settings>, machine: &Machine) -> impl Serialize {
    let settings = cell.settings();
    json!({
        "cell": cell.name(),
        "name": machine.name(),
        "id": machine.ordinal(),
        "marker": marker(cell, machine),
        "members": LIST,
        "configuration": CONFIGURATION,
        "listen_everywhere": machine.address().parse::<IpAddr>().is_err(),
        "client_port": settings.client_port,
        "max_client_connections": settings.max_client_connections,
        "tick_time": settings.tick_time,
        "init_limit": settings.init_limit,
        "sync_limit": settings.sync_limit,
        "snapshots_kept": settings.snapshots_kept,
        "purge_interval": settings.purge_interval,
        "data_dir": settings.data_dir,
        "log_dir": settings.log_dir,
        "options": settings.options,
        "heap": settings.heap,
        "log_level": settings.log_level,
        "jvm_options": settings.jvm_options,
    })
}
