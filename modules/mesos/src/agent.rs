//! An agent on its machine.

use std::collections::BTreeMap;

use cellhost_sdk::prelude::*;
use cellhost_sdk::serde_json::{self, Value};

use crate::http::{self, Told};
use crate::identity::Identity;
use crate::member::{self, Daemon, flag};
use crate::settings::Settings;
use crate::zk;

pub(crate) const SERVICE: &str = "mesos-agent";
/// What a package calls its own one.
const STOCK: &str = "mesos-slave";
const ENVIRONMENT: &str = "/etc/mesos/cell/agent";
const IDENTITY: &str = "/etc/mesos/cell/offers";
const CREDENTIAL: &str = "/etc/mesos/cell/credential";
/// The first version of cgroups has it not.
const SECOND_CGROUPS: &str = "/sys/fs/cgroup/cgroup.controllers";

/// Returns all that concerns an agent.
pub(crate) fn files(
    cell: &Cell<Settings>,
    machine: &Machine,
) -> Result<impl Wishes + use<>, Failure> {
    let settings = cell.settings();
    let has_cgroups = settings.isolation.contains("cgroups/");
    let mut flags = member::flags(machine, settings.agent_port, &settings.agent_options);
    let zk = zk::of(cell).map_err(Failure::failed)?;
    for (name, value) in [
        ("master", zk.as_str()),
        ("work_dir", settings.agent_dir.as_str()),
        ("runtime_dir", "/run/mesos"),
        ("containerizers", settings.containerizers.as_str()),
        ("isolation", settings.isolation.as_str()),
        ("launcher", if has_cgroups { "linux" } else { "posix" }),
        (
            "systemd_enable_support",
            if has_cgroups { "true" } else { "false" },
        ),
        ("recover", "reconnect"),
        ("strict", "true"),
        ("recovery_timeout", "15mins"),
        ("reconfiguration_policy", "additive"),
        (
            "executor_registration_timeout",
            settings.registration_timeout.as_str(),
        ),
    ] {
        flags.insert(flag(name), json!(value));
    }
    let credential = settings.credential.as_ref().map(|credential| {
        flags.insert(flag("credential"), json!(CREDENTIAL));
        member::secret_file(CREDENTIAL, "credential", credential)
    });
    let daemon = Daemon {
        name: SERVICE,
        description: "Mesos agent",
        environment: &[ENVIRONMENT, IDENTITY],
        condition: None,
        user: None,
        directory: &settings.agent_dir,
        pause: 5,
        privileged: true,
        keeps_tasks: !has_cgroups,
    };
    let mut passed = flags.clone();
    passed.extend(["attributes", "resources"].map(|name| (flag(name), json!(""))));
    let users = settings.task_users.iter();
    Ok((
        users.map(User::named).collect::<Vec<_>>(),
        Directory::at(&settings.agent_dir).mode(0o755),
        credential.transpose()?,
        File::at(IDENTITY)
            .text(wished(settings, machine).render())
            .mode(0o644),
        member::environment(ENVIRONMENT, &flags)?,
        daemon.unit(settings, &passed)?,
    ))
}

pub(crate) fn service(settings: &Settings) -> impl Wishes + use<> {
    let mut paths = vec![
        ENVIRONMENT.to_owned(),
        IDENTITY.to_owned(),
        CREDENTIAL.to_owned(),
        member::unit(SERVICE),
    ];
    paths.extend(settings.source.link());
    let service = Service::named(SERVICE).enabled().running();
    (
        Service::named(STOCK).disabled().stopped(),
        service.restart_for(paths),
    )
}

/// Stops an agent for good.
pub(crate) fn off() -> impl Wishes {
    (
        [SERVICE, STOCK].map(|name| Service::named(name).disabled().stopped()),
        NoUnitFile::named(format!("{SERVICE}.service")),
        [ENVIRONMENT, IDENTITY, CREDENTIAL].map(Absent::at),
    )
}

/// Lets an agent begin as a new one where it could not come back as the one that it was; refuses
/// that while it has tasks.
pub(crate) fn make_way(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
    let settings = cell.settings();
    if settings.isolation.contains("cgroups/") && machine.stat(SECOND_CGROUPS)?.is_some() {
        return Err(Failure::refused(format!(
            "`isolation` is `{}`, and {} has the second version of cgroups, which Mesos does not \
             know: boot it with `systemd.unified_cgroup_hierarchy=0`, or take `posix/cpu,posix/mem`",
            settings.isolation,
            machine.name()
        )));
    }
    let Some(known) = machine.read_if_any(IDENTITY, 64 * 1024)? else {
        return Ok(());
    };
    let known = Identity::parse(&String::from_utf8_lossy(&known));
    let Some(why) = known.hinders(&wished(settings, machine)) else {
        return Ok(());
    };
    let latest = format!("{}/meta/slaves/latest", settings.agent_dir);
    if machine.stat(&latest)?.is_none() {
        return Ok(());
    }
    if !is_drained(cell, machine)? {
        return Err(Failure::refused(format!(
            "{}'s {why}: an agent does not come back with others than it had, and its tasks would \
             be lost. Drain it (`DRAIN_AGENT` at the leading master) until it is `DRAINED`, and run \
             again: it comes back as a new agent",
            machine.name()
        )));
    }
    machine.ensure((
        Service::named(SERVICE).enabled().stopped(),
        Absent::at(latest),
    ))?;
    Ok(())
}

/// Asks the leading master whether an agent has no tasks left and gets none.
fn is_drained(cell: &Cell<Settings>, machine: &Machine) -> Result<bool, Failure> {
    let settings = cell.settings();
    let masters = cell.members().into_iter();
    for master in masters.filter(|one| settings.is_master(one)) {
        let asked = http::get(
            machine,
            &master.address(),
            settings.master_port,
            "/redirect",
        )?;
        let Told::Reply(reply) = asked else { continue };
        let Some(leader) = reply.location.as_deref().and_then(host) else {
            continue;
        };
        let told = http::get(machine, leader, settings.master_port, "/slaves")?;
        if let Told::Reply(reply) = told {
            return Ok(says_drained(&reply.body, &machine.address()));
        }
    }
    Ok(false)
}

/// `10.0.0.2` of `//10.0.0.2:5050/x`.
fn host(location: &str) -> Option<&str> {
    let (_, rest) = location.split_once("//")?;
    let server = rest.split('/').next()?;
    Some(server.rsplit_once(':').map_or(server, |(host, _)| host))
}

/// An agent that came back under another number is there more than once; each counts.
fn says_drained(body: &str, address: &str) -> bool {
    let state: Value = serde_json::from_str(body).unwrap_or_default();
    let agents = state.get("slaves").and_then(Value::as_array);
    let own = agents.into_iter().flatten().filter(|agent| {
        let is = |key: &str, value: &Value| agent.get(key) == Some(value);
        let counts = is("active", &json!(true)) || agent.get("drain_info").is_some();
        is("hostname", &json!(address)) && counts
    });
    let mut states = own.map(|agent| agent.pointer("/drain_info/state").cloned());
    let mut is_known = false;
    let is_drained = states.all(|state| {
        is_known = true;
        state == Some(json!("DRAINED"))
    });
    is_known && is_drained
}

/// Returns what an agent is to offer.
fn wished(settings: &Settings, machine: &Machine) -> Identity {
    let resources = [
        ("cpus", settings.cpus.map(|count| count.to_string())),
        ("mem", settings.memory.map(|count| count.to_string())),
        ("disk", settings.disk.map(|count| count.to_string())),
        ("ports", Some(format!("[{}]", settings.task_ports))),
    ];
    let resources = resources
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Identity {
        // One value that two would have is told of before any run.
        attributes: attributes(settings, machine)
            .into_iter()
            .collect::<BTreeMap<_, _>>(),
        resources: resources.collect(),
    }
}

/// Returns what a machine's roles, tags and zone make, and what the plan says of all agents.
pub(crate) fn attributes(settings: &Settings, machine: &Machine) -> Vec<(String, String)> {
    let own = [&settings.master_role, &settings.agent_role];
    let roles = machine.roles().into_iter();
    let roles = roles.filter(|role| !own.contains(&role));
    let mut attributes: Vec<(String, String)> = roles
        .map(|role| (format!("role_{role}"), "true".to_owned()))
        .collect();
    attributes.extend(machine.tags());
    attributes.extend(machine.zone().map(|zone| ("zone".to_owned(), zone)));
    attributes.extend(settings.attributes.clone());
    attributes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_drained_when_the_leader_says_so_of_it() {
        let of = |state: &str| {
            format!(
                r#"{{"slaves": [{{"hostname": "10.0.0.2", "active": true}},
                {{"hostname": "10.0.0.3", "active": false{state}}}]}}"#
            )
        };
        let drained = of(r#", "drain_info": {"state": "DRAINED"}"#);
        assert!(says_drained(&drained, "10.0.0.3"));
        assert!(!says_drained(&drained, "10.0.0.2"));
        assert!(!says_drained(&drained, "10.0.0.4"));
        let draining = of(r#", "drain_info": {"state": "DRAINING"}"#);
        assert!(!says_drained(&draining, "10.0.0.3"));
        assert!(!says_drained("<html>", "10.0.0.3"));
    }

    #[test]
    fn a_redirection_names_the_leader() {
        assert_eq!(host("//10.0.0.2:5050"), Some("10.0.0.2"));
        assert_eq!(host("http://m2:5050/master/state"), Some("m2"));
        assert_eq!(host("/login"), None);
    }
}
