//! What concerns one machine: software, configuration, services.

use cellhost_sdk::prelude::*;

use crate::settings::Settings;

const KERNEL: &str = "/etc/sysctl.d/60-redis-cluster.conf";
const OVERCOMMIT: &str = "vm.overcommit_memory";

/// Brings one machine's two instances up.
pub(crate) fn apply(settings: &Settings, machine: &Machine) -> Result<(), Failure> {
    // Asked first: a dry run knows nothing for sure once it has held something back.
    let memory = memory_of_forks(machine)?;
    machine.ensure((
        // Before the package, since nobody can foretell what stands behind one.
        File::at(KERNEL)
            .text(format!("{OVERCOMMIT} = 1\n"))
            .mode(0o644),
        Software::named(["redis-server", "redis-tools"]),
        Service::named("redis-server").disabled().stopped(),
        settings.ports().map(directory),
        configurations(settings, machine)?,
        settings.ports().map(service),
    ))?;
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

/// Takes both instances off; their data only with `purge`.
pub(crate) fn remove(settings: &Settings, machine: &Machine, purge: bool) -> Result<(), Failure> {
    let ports = settings.ports();
    machine.ensure((
        ports.map(|port| Service::named(unit(port)).disabled().stopped()),
        ports.map(|port| Absent::at(configuration(port))),
        Absent::at(KERNEL),
        purge.then(|| ports.map(|port| Absent::at(data(port)))),
    ))?;
    Ok(())
}

fn configurations(settings: &Settings, machine: &Machine) -> Result<Vec<File>, Failure> {
    let render = |port: u16| {
        let variables = json!({
            "name": machine.name(),
            "address": machine.address(),
            "port": port,
            "password": settings.password,
            "node_timeout": settings.node_timeout,
            "maxmemory": settings.maxmemory,
            "maxmemory_policy": settings.maxmemory_policy,
        });
        let file = File::at(configuration(port)).rendered("redis.conf", &variables)?;
        Ok(file.mode(0o640).owner("redis").group("redis"))
    };
    settings.ports().into_iter().map(render).collect()
}

/// Whether forks have memory. Where they have none, saving needs twice what an instance has.
enum Memory {
    Enough,
    Lacking,
    /// They have none, and nobody can change that from within.
    Fixed,
}

fn memory_of_forks(machine: &Machine) -> Result<Memory, Failure> {
    let now = Command::new(["sysctl", "-n", OVERCOMMIT]).probe(machine)?;
    if now.text() == "1" {
        return Ok(Memory::Enough);
    }
    let switch = format!("/proc/sys/{}", OVERCOMMIT.replace('.', "/"));
    let writable = Command::new(["test", "-w", &switch]).probe(machine)?;
    Ok(if writable.is_success() {
        Memory::Lacking
    } else {
        Memory::Fixed
    })
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
        .restart_for([configuration(port)])
}

fn unit(port: u16) -> String {
    format!("redis-server@{port}")
}

fn configuration(port: u16) -> String {
    format!("/etc/redis/redis-{port}.conf")
}

fn data(port: u16) -> String {
    format!("/var/lib/redis/{port}")
}
