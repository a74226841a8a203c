//! What concerns one machine, whatever it does.

use std::collections::BTreeMap;

use cellhost_sdk::prelude::*;
use cellhost_sdk::serde_json::Value;

use crate::settings::{Credential, Settings};
use crate::{agent, master};

pub(crate) const HOME: &str = "/etc/mesos/cell";
/// Whom masters run as. Agents run as root: they run tasks as whomever they are told to.
pub(crate) const USER: &str = "mesos";

/// Flags by the names of the variables that hold them.
pub(crate) type Flags = BTreeMap<String, Value>;

/// Brings one machine to where it should be, all but how many masters decide. A master that was
/// not told that does not start.
pub(crate) fn apply(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
    let settings = cell.settings();
    let (is_master, is_agent) = (settings.is_master(machine), settings.is_agent(machine));
    if is_agent {
        agent::make_way(cell, machine)?;
    }
    let master = is_master
        .then(|| master::files(cell, machine))
        .transpose()?;
    let agent = is_agent.then(|| agent::files(cell, machine)).transpose()?;
    machine.ensure((
        Group::named(USER),
        User::named(USER).home("/var/lib/mesos"),
        Directory::at(HOME).mode(0o755),
        master,
        agent,
        // Nothing before needs it, and nobody can foretell what stands behind a package.
        settings.source.wishes(),
        is_master.then(|| master::service(settings)),
        (!is_master).then(master::off),
        is_agent.then(|| agent::service(settings)),
        (!is_agent).then(agent::off),
    ))?;
    Ok(())
}

/// Takes masters and agents off a machine; what they keep only with `purge`.
pub(crate) fn remove(settings: &Settings, machine: &Machine, purge: bool) -> Result<(), Failure> {
    let data = [&settings.master_dir, &settings.agent_dir];
    machine.ensure((
        agent::off(),
        master::off(),
        machine.absent_with_room(HOME)?,
        settings.source.remains(),
        purge.then(|| data.map(Absent::at)),
    ))?;
    Ok(())
}

/// Returns the flags that masters and agents have in common.
pub(crate) fn flags(machine: &Machine, port: u16, options: &BTreeMap<String, String>) -> Flags {
    let address = machine.address();
    let options = options.iter();
    let mut flags: Flags = options
        .map(|(name, value)| (flag(name), json!(value)))
        .collect();
    // Left to itself, it would look its own name up, and find 127.0.1.1.
    for name in ["ip", "advertise_ip", "hostname"] {
        flags.insert(flag(name), json!(address));
    }
    flags.insert(flag("hostname_lookup"), json!("false"));
    flags.insert(flag("port"), json!(port.to_string()));
    flags
}

/// Returns the variable that holds a flag.
pub(crate) fn flag(name: &str) -> String {
    format!("MESOS_{}", name.to_ascii_uppercase())
}

/// Returns the file that holds flags.
pub(crate) fn environment(path: &str, flags: &Flags) -> Result<File, Failure> {
    let variables = json!({ "variables": flags });
    let file = File::at(path).rendered("environment", &variables)?;
    Ok(file.mode(0o640).group(USER))
}

/// Returns a file with a credential in it.
pub(crate) fn secret_file(
    path: &str,
    template: &str,
    credential: &Credential,
) -> Result<File, Failure> {
    let variables = json!({ "principal": credential.principal, "secret": credential.secret });
    let file = File::at(path).rendered(template, &variables)?;
    Ok(file.mode(0o640).group(USER))
}

/// Returns where a unit is.
pub(crate) fn unit(service: &str) -> String {
    format!("/etc/systemd/system/{service}.service")
}

/// What a unit says beside what all have in common.
pub(crate) struct Daemon<'a> {
    pub(crate) name: &'a str,
    pub(crate) description: &'a str,
    pub(crate) environment: &'a [&'a str],
    pub(crate) condition: Option<&'a str>,
    pub(crate) user: Option<&'a str>,
    pub(crate) directory: &'a str,
    pub(crate) pause: u32,
    pub(crate) privileged: bool,
    pub(crate) keeps_tasks: bool,
}

impl Daemon<'_> {
    /// Returns the unit. A container gets flags by their names, which are all that anybody can read.
    pub(crate) fn unit(&self, settings: &Settings, flags: &Flags) -> Result<UnitFile, Failure> {
        let image = settings.source.image.as_deref();
        let variables = json!({
            "name": self.name,
            "description": self.description,
            "environment": self.environment,
            "condition": self.condition,
            "user": self.user.filter(|_| image.is_none()),
            "directory": self.directory,
            "pause": self.pause,
            "privileged": self.privileged,
            "keeps_tasks": self.keeps_tasks,
            "image": image,
            "program": settings.source.program(self.name),
            "variables": flags.keys().collect::<Vec<_>>(),
        });
        UnitFile::rendered(
            format!("{}.service", self.name),
            "daemon.service",
            &variables,
        )
    }
}
