use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use cellhost_sdk::prelude::*;

use crate::settings::Settings;
use crate::{agent, zk};

/// Where the module may write data.
const ROOMS: [&str; 2] = ["/var/lib/mesos", "/srv/mesos"];
/// Flags that this module decides, and the plan by settings of their own.
const TAKEN: [&str; 33] = [
    "advertise_ip",
    "agent_removal_rate_limit",
    "attributes",
    "authenticate_agents",
    "authenticate_frameworks",
    "cluster",
    "containerizers",
    "credential",
    "credentials",
    "executor_registration_timeout",
    "hostname",
    "hostname_lookup",
    "ip",
    "isolation",
    "launcher",
    "master",
    "port",
    "quorum",
    "reconfiguration_policy",
    "recover",
    "recovery_timeout",
    "registry",
    "resources",
    "runtime_dir",
    "slave_removal_rate_limit",
    "strict",
    "switch_user",
    "systemd_enable_support",
    "work_dir",
    "zk",
    "log_auto_initialize",
    "registry_strict",
    "advertise_port",
];
/// Ports that services of a cell usually have, beside those of the settings.
const KNOWN_PORTS: [(u16, &str); 8] = [
    (2181, "ZooKeeper"),
    (3306, "MariaDB"),
    (4567, "Galera"),
    (7000, "Redis Cluster"),
    (8080, "Marathon"),
    (9000, "MinIO"),
    (9090, "marathon-lb"),
    (17000, "Redis Cluster's bus"),
];

/// One member as the plan has it.
struct Planned {
    name: String,
    address: String,
    is_master: bool,
    is_agent: bool,
    attributes: Vec<(String, String)>,
}

/// Finds what is wrong with the plan's use of this module.
pub(crate) fn problems(cell: &Cell<Settings>) -> Vec<Problem> {
    let settings = cell.settings();
    let members = cell.members();
    let members: Vec<Planned> = members
        .iter()
        .map(|machine| Planned {
            name: machine.name(),
            address: machine.address(),
            is_master: settings.is_master(machine),
            is_agent: settings.is_agent(machine),
            attributes: agent::attributes(settings, machine),
        })
        .collect();
    let mut problems = settings.source.problems();
    if let Err(why) = zk::of(cell) {
        problems.push(Problem::with("/zk-path", why));
    }
    problems.extend(roles(settings, &members));
    problems.extend(addresses(&members));
    problems.extend(
        members
            .iter()
            .filter(|one| one.is_agent)
            .flat_map(attributes),
    );
    problems.extend(directories(settings));
    problems.extend(ports(settings));
    problems.extend(users(&settings.task_users));
    problems.extend(options("/master-options", &settings.master_options));
    problems.extend(options("/agent-options", &settings.agent_options));
    problems
}

fn roles(settings: &Settings, members: &[Planned]) -> Vec<Problem> {
    let (masters, agents) = (&settings.master_role, &settings.agent_role);
    let mut problems = Vec::new();
    if !members.iter().any(|one| one.is_master) {
        problems.push(Problem::of_all(format!(
            "no machine has the role `{masters}`: nobody would be a master. Give it to three"
        )));
    }
    for one in members.iter().filter(|one| !one.is_master && !one.is_agent) {
        problems.push(Problem::of_all(format!(
            "{} has neither the role `{masters}` nor `{agents}`: there is nothing for it to do here",
            one.name
        )));
    }
    problems
}

fn addresses(members: &[Planned]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut taken = BTreeSet::new();
    for Planned { name, address, .. } in members {
        let literal: Option<Ipv4Addr> = address.parse().ok();
        let why = match literal {
            None => {
                "is no IPv4 address: Mesos would look the name up, and find a loopback on Debian"
            }
            Some(own) if own.is_loopback() || own.is_unspecified() => {
                "is where no other machine reaches it"
            }
            Some(_) if !taken.insert(address) => "is that of another member",
            Some(_) => continue,
        };
        problems.push(Problem::of_all(format!(
            "{name} has the address {address}, which {why}"
        )));
    }
    problems
}

fn attributes(member: &Planned) -> Vec<Problem> {
    let name = &member.name;
    let mut problems = Vec::new();
    let mut taken = BTreeSet::new();
    let fine = |text: &str| {
        let fine = |c: char| c.is_ascii_alphanumeric() || "_/.-".contains(c);
        !text.is_empty() && text.chars().all(fine)
    };
    for (key, value) in &member.attributes {
        if !fine(key) || !fine(value) {
            problems.push(Problem::of_all(format!(
                "{name} would have the attribute `{}:{}`, and there are only letters, digits and \
                 `_/.-` in one",
                key.escape_debug(),
                value.escape_debug()
            )));
        } else if !taken.insert(key) {
            problems.push(Problem::of_all(format!(
                "{name} would have two values of the attribute `{key}`: an agent has one of each"
            )));
        }
    }
    problems
}

fn directories(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    let (master, agent) = (&settings.master_dir, &settings.agent_dir);
    for (setting, path) in [("/master-dir", master), ("/agent-dir", agent)] {
        if !is_within(path) {
            problems.push(Problem::with(
                setting,
                format!(
                    "`{}` is not below {}: mount or link the disk there",
                    path.escape_debug(),
                    ROOMS.join(" or ")
                ),
            ));
        }
    }
    let below = |path: &str, other: &str| {
        let rest = path.strip_prefix(other);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if below(master, agent) || below(agent, master) {
        problems.push(Problem::with(
            "/agent-dir",
            format!(
                "`{agent}` and `master-dir` share files: a master and an agent each need their own"
            ),
        ));
    }
    problems
}

/// Below, and not the room itself.
fn is_within(path: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let good = |part: &str| !matches!(part, "" | "." | "..") && part.chars().all(fine);
    ROOMS.iter().any(|room| {
        let rest = path
            .strip_prefix(room)
            .and_then(|rest| rest.strip_prefix('/'));
        rest.is_some_and(|rest| rest.split('/').all(good))
    })
}

fn ports(settings: &Settings) -> Vec<Problem> {
    let (master, agent) = (settings.master_port, settings.agent_port);
    let mut problems = Vec::new();
    if master == agent {
        problems.push(Problem::with(
            "/agent-port",
            format!("{agent} is taken by `master-port`"),
        ));
    }
    let Some((first, last)) = settings.ports_of_tasks() else {
        let words = format!("`{}` is no range of ports", settings.task_ports);
        problems.push(Problem::with("/task-ports", words));
        return problems;
    };
    let own = [(master, "the masters"), (agent, "the agents")];
    for (port, whose) in own.into_iter().chain(KNOWN_PORTS) {
        if (first..=last).contains(&port) {
            problems.push(Problem::with(
                "/task-ports",
                format!(
                    "{first}-{last} has {port} in it, the port of {whose}: a task could get it"
                ),
            ));
        }
    }
    problems
}

fn users(users: &[String]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (place, user) in users.iter().enumerate() {
        let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
        let begins = user.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        if !begins || !user.chars().all(fine) || user == "root" {
            problems.push(Problem::with(
                format!("/task-users/{place}"),
                format!("`{}` is no user that could be made", user.escape_debug()),
            ));
        }
    }
    problems
}

fn options(setting: &str, options: &BTreeMap<String, String>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, value) in options {
        let plain = name.strip_prefix("no-").unwrap_or(name);
        let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let place = format!("{setting}/{name}");
        if plain == "quorum" {
            problems.push(Problem::with(
                place,
                "follows from the number of masters: with any other than a strict majority, two \
                 halves could each decide",
            ));
        } else if TAKEN.contains(&plain) {
            problems.push(Problem::with(
                place,
                "is decided by this module or by a setting of its own",
            ));
        } else if name.is_empty() || !name.chars().all(fine) || value.contains(char::is_control) {
            problems.push(Problem::with(
                place,
                "is no flag: lower-case letters, digits and `_`, without dashes",
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests;
