//! A master on its machine.

use cellhost_sdk::prelude::*;

use crate::member::{self, Daemon, USER, flag};
use crate::seat::Seat;
use crate::settings::Settings;
use crate::zk;

/// How many of whom decide, for the next run.
pub(crate) const SEAT: &str = "/etc/mesos/cell/masters";
pub(crate) const SERVICE: &str = "mesos-master";
/// How many decide, for Mesos. Without it a master does not begin.
const QUORUM: &str = "/etc/mesos/cell/quorum";
const ENVIRONMENT: &str = "/etc/mesos/cell/master";
const CREDENTIALS: &str = "/etc/mesos/cell/credentials";

/// Returns all that concerns a master but how many decide.
pub(crate) fn files(
    cell: &Cell<Settings>,
    machine: &Machine,
) -> Result<impl Wishes + use<>, Failure> {
    let settings = cell.settings();
    let mut flags = member::flags(machine, settings.master_port, &settings.master_options);
    let cluster = settings.cluster_name.clone().unwrap_or_else(|| cell.name());
    let zk = zk::of(cell).map_err(Failure::failed)?;
    for (name, value) in [
        ("cluster", cluster.as_str()),
        ("work_dir", settings.master_dir.as_str()),
        ("zk", zk.as_str()),
        ("registry", "replicated_log"),
        (
            "agent_removal_rate_limit",
            settings.agent_removal_rate.as_str(),
        ),
    ] {
        flags.insert(flag(name), json!(value));
    }
    let credentials = settings.credential.as_ref().map(|credential| {
        for (name, value) in [
            ("credentials", CREDENTIALS),
            ("authenticate_agents", "true"),
            ("authenticate_frameworks", "true"),
        ] {
            flags.insert(flag(name), json!(value));
        }
        member::secret_file(CREDENTIALS, "credentials", credential)
    });
    let daemon = Daemon {
        name: SERVICE,
        description: "Mesos master",
        environment: &[ENVIRONMENT, QUORUM],
        condition: Some(QUORUM),
        user: Some(USER),
        directory: &settings.master_dir,
        pause: 20,
        privileged: false,
        keeps_tasks: false,
    };
    let mut passed = flags.clone();
    passed.insert(flag("quorum"), json!(""));
    Ok((
        directory(settings),
        credentials.transpose()?,
        member::environment(ENVIRONMENT, &flags)?,
        daemon.unit(settings, &passed)?,
    ))
}

/// Tells a master how many of whom decide, and lets it begin by that.
pub(crate) fn seat(settings: &Settings, machine: &Machine, seat: &Seat) -> Result<(), Failure> {
    machine.ensure((
        File::at(QUORUM).text(seat.environment()).mode(0o644),
        // Behind the other: a run that dies in between finds the old one and does it again.
        File::at(SEAT).text(seat.render()).mode(0o644),
        service(settings),
    ))?;
    Ok(())
}

fn directory(settings: &Settings) -> Directory {
    let directory = Directory::at(&settings.master_dir).mode(0o750);
    directory.owner(USER).group(USER)
}

pub(crate) fn service(settings: &Settings) -> Service {
    let mut paths = vec![
        QUORUM.to_owned(),
        ENVIRONMENT.to_owned(),
        CREDENTIALS.to_owned(),
        member::unit(SERVICE),
    ];
    paths.extend(settings.source.link());
    let service = Service::named(SERVICE).enabled().running();
    service.restart_for(paths)
}

/// Stops a master for good. A package's own unit of it may not start either.
pub(crate) fn off() -> impl Wishes {
    (
        Service::named(SERVICE).disabled().stopped(),
        NoUnitFile::named(format!("{SERVICE}.service")),
        [QUORUM, SEAT, ENVIRONMENT, CREDENTIALS].map(Absent::at),
    )
}

/// Stops a master and takes its registry away.
pub(crate) fn forget(settings: &Settings, machine: &Machine) -> Result<(), Failure> {
    machine.ensure((
        Service::named(SERVICE).enabled().stopped(),
        [QUORUM, SEAT, settings.master_dir.as_str()].map(Absent::at),
    ))?;
    machine.ensure(directory(settings))?;
    Ok(())
}
