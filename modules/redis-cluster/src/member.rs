//! What concerns one machine: software, configuration, services.

use cellhost_sdk::prelude::*;

use crate::configuration::{self, Standing, data};
use crate::copies;
use crate::handover::Handover;
use crate::look::ASSUMED;
use crate::settings::Settings;
use crate::supervisor;

const KERNEL: &str = "/etc/sysctl.d/60-redis-cluster.conf";
const OVERCOMMIT: &str = "vm.overcommit_memory";
const SWITCH: &str = "/proc/sys/vm/overcommit_memory";

/// Brings one machine's two instances up. What they serve is others' while they restart.
pub(crate) fn apply(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
    let settings = cell.settings();
    // Asked first: a dry run knows nothing for sure once it has held something back.
    let forks = Check::of(machine, Command::new(["sysctl", "-n", OVERCOMMIT]));
    let identities = settings.ports().map(configuration::identity);
    let identities = identities.map(|path| Check::of(machine, Command::new(["test", "-e", &path])));
    let checks = [forks].into_iter().chain(identities);
    let checks = checks.map(|check| check.assuming(Answer::assumed(ASSUMED)));
    let mut answers = probe_all(checks).into_iter();
    let memory = memory_of_forks(machine, answers.next())?;
    let lost = settings.ports().into_iter().zip(answers);
    let lost = lost.map(|(port, answer)| is_lost(machine, port, &answer?));
    let lost: Vec<bool> = lost.collect::<Result<_, Failure>>()?;
    let [first, second] = settings
        .ports()
        .map(|port| configuration::standing(settings, machine, port));
    let (first, second) = (first?, second?);
    let standing = || settings.ports().into_iter().zip([first, second]);
    let due: Vec<u16> = standing()
        .filter_map(|(port, standing)| standing.is_due.then_some(port))
        .collect();
    let bare = standing().zip(lost);
    let bare: Vec<u16> = bare
        .filter_map(|((port, standing), is_lost)| (standing.is_there && is_lost).then_some(port))
        .collect();
    copies::save(cell, machine, &bare)?;
    let handed = Handover::of(cell, machine, &due)?;
    machine.ensure((
        // Before the package, since nobody can foretell what stands behind one.
        File::at(KERNEL)
            .text(format!("{OVERCOMMIT} = 1\n"))
            .mode(0o644),
        Software::named(packages(settings)),
        Service::named("redis-server").disabled().stopped(),
        settings.ports().map(directory),
        settings.ports().map(configuration::seal),
        // Before the configuration, which says who keeps the instances: what is not done yet by
        // then is done by the next run.
        leaving_keeper(settings, machine, first)?,
        configurations(settings, machine)?,
        keeper(settings, machine)?,
    ))?;
    handed.take_back()?;
    match memory {
        Memory::Enough => Ok(()),
        Memory::Fixed => {
            cellhost_sdk::log::warn(&format!(
                "{OVERCOMMIT} is not 1 and cannot be set here (a container?)"
            ));
            Ok(())
        }
        Memory::Lacking => Command::new(["sysctl", "-q", "-p", KERNEL])
            .run(machine, Doubt::Again)?
            .expect_success("cannot let forks have memory"),
    }
}

/// Starts an instance as it stands on its machine, where it does.
pub(crate) fn start(settings: &Settings, machine: &Machine, port: u16) -> Result<(), Failure> {
    let standing = configuration::standing(settings, machine, port)?;
    if standing.is_supervised {
        machine.ensure(supervisor::program(port)?)?;
    } else if standing.is_there {
        machine.ensure(service(port))?;
    }
    Ok(())
}

/// Takes both instances off; their data only with `purge`.
pub(crate) fn remove(settings: &Settings, machine: &Machine, purge: bool) -> Result<(), Failure> {
    let ports = settings.ports();
    machine.ensure((
        supervisor::release(machine, ports)?,
        ports.map(|port| Service::named(unit(port)).disabled().stopped()),
        ports.map(|port| Absent::at(configuration::path(port))),
        Absent::at(KERNEL),
        purge.then(|| ports.map(|port| Absent::at(data(port)))),
    ))?;
    Ok(())
}

fn configurations(settings: &Settings, machine: &Machine) -> Result<Vec<File>, Failure> {
    let ports = settings.ports().into_iter();
    ports
        .map(|port| configuration::file(settings, machine, port))
        .collect()
}

fn packages(settings: &Settings) -> Vec<&'static str> {
    let keeper = settings.supervisor.is_some().then_some(supervisor::SERVICE);
    let own = ["redis-server", "redis-tools"].into_iter();
    own.chain(keeper).collect()
}

/// Ends what another keeper has of the instances.
fn leaving_keeper(
    settings: &Settings,
    machine: &Machine,
    standing: Standing,
) -> Result<impl Wishes + use<>, Failure> {
    let ports = settings.ports();
    let is_supervised = settings.supervisor.is_some();
    let released = standing.is_supervised && !is_supervised;
    Ok((
        is_supervised.then(|| ports.map(|port| Service::named(unit(port)).disabled().stopped())),
        released
            .then(|| supervisor::release(machine, ports))
            .transpose()?,
    ))
}

/// Lets the instances run.
fn keeper(settings: &Settings, machine: &Machine) -> Result<impl Wishes + use<>, Failure> {
    let [port, replica_port] = settings.ports();
    Ok(match &settings.supervisor {
        None => (Some([service(port), service(replica_port)]), None),
        Some(supervisor) => (
            None,
            Some((
                supervisor.itself(machine)?,
                [
                    supervisor::program(port)?,
                    supervisor::program(replica_port)?,
                ],
            )),
        ),
    })
}

/// Whether forks have memory. Where they have none, saving needs twice what an instance has.
enum Memory {
    Enough,
    Lacking,
    /// They have none, and nobody can change that from within.
    Fixed,
}

fn memory_of_forks(
    machine: &Machine,
    now: Option<Result<Answer, Failure>>,
) -> Result<Memory, Failure> {
    let mut now = now.transpose()?.map(|now| now.text());
    if now.as_deref() == Some(ASSUMED) {
        let bytes = machine.read_if_any(SWITCH, 64)?;
        now = bytes.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    }
    if now.as_deref() == Some("1") {
        return Ok(Memory::Enough);
    }
    // Where only a dry run would know, it foretells too much: a run that keeps to it may do less.
    let writable = Command::new(["test", "-w", SWITCH]);
    let writable = writable.probe_assuming(machine, Answer::assumed(""))?;
    Ok(if writable.is_success() {
        Memory::Lacking
    } else {
        Memory::Fixed
    })
}

/// Tells whether an instance's data is gone, by what was said when it was looked for.
fn is_lost(machine: &Machine, port: u16, answer: &Answer) -> Result<bool, Failure> {
    if answer.text() == ASSUMED {
        return Ok(machine.stat(&configuration::identity(port))?.is_none());
    }
    Ok(answer.status == 1)
}

fn directory(port: u16) -> Directory {
    Directory::at(data(port))
        .mode(0o750)
        .owner("redis")
        .group("redis")
}

fn service(port: u16) -> Service {
    Service::named(unit(port))
        .enabled()
        .running()
        .restart_for([configuration::path(port)])
}

fn unit(port: u16) -> String {
    format!("redis-server@{port}")
}
