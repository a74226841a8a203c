use std::collections::BTreeSet;
use std::net::IpAddr;

use cellhost_sdk::prelude::*;

use crate::settings::Settings;
use crate::users;

/// The members' own bus listens so far above the clients' port.
const BUS: u16 = 10_000;
const FEWEST: usize = 3;

/// Finds what is wrong with the plan's use of this module.
pub(crate) fn problems(cell: &Cell<Settings>) -> Vec<Problem> {
    let members = cell.members();
    let settings = cell.settings();
    let mut problems = ports(settings);
    problems.extend(users::problems(&settings.users));
    if let Some(supervisor) = &settings.supervisor {
        problems.extend(supervisor.problems(settings.ports()));
    }
    problems.extend(addresses(
        members
            .iter()
            .map(|machine| (machine.name(), machine.address())),
    ));
    if members.len() < FEWEST {
        problems.push(Problem::of_all(format!(
            "has {} of at least {FEWEST} machines: with fewer, no majority of masters outlives one",
            members.len()
        )));
    }
    for machine in &members {
        match cell.settings_on(machine) {
            Ok(own) => problems.extend(same(settings, &own, &machine.name())),
            Err(failure) => problems.push(Problem::of_all(failure.message())),
        }
    }
    problems
}

/// Returns the ports that the instances take on each machine, and what for.
pub(crate) fn taken([port, replica]: [u16; 2]) -> [(u16, &'static str); 4] {
    [
        (port, "`port`"),
        (replica, "`replica-port`"),
        (port.saturating_add(BUS), "the bus of `port`"),
        (replica.saturating_add(BUS), "the bus of `replica-port`"),
    ]
}

fn ports(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    let named = [
        ("/port", settings.port),
        ("/replica-port", settings.replica_port),
    ];
    for (setting, port) in named {
        if port == 0 || port > u16::MAX - BUS {
            let highest = u16::MAX - BUS;
            problems.push(Problem::with(
                setting,
                format!(
                    "{port} is not from 1 to {highest}: the members' bus listens {BUS} above it"
                ),
            ));
        }
    }
    let [(_, port), (setting, replica)] = named;
    if port == replica {
        problems.push(Problem::with(setting, format!("{port} is taken by `port`")));
    } else if port.abs_diff(replica) == BUS {
        problems.push(Problem::with(
            setting,
            format!(
                "one instance's bus would listen on the other's port, {}",
                port.max(replica)
            ),
        ));
    }
    problems
}

fn addresses(members: impl Iterator<Item = (String, String)>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut taken = BTreeSet::new();
    for (name, address) in members {
        if address.parse::<IpAddr>().is_err() {
            problems.push(Problem::of_all(format!(
                "{name} has the address `{address}`: Redis Cluster knows its members by IP \
                 address only"
            )));
        } else if !taken.insert(address.clone()) {
            problems.push(Problem::of_all(format!(
                "{name} has the address {address} of another machine"
            )));
        }
    }
    problems
}

/// What clients and peers rely on has to be the same everywhere.
fn same(first: &Settings, own: &Settings, machine: &str) -> Vec<Problem> {
    let compared = [
        ("/port", first.port == own.port),
        ("/replica-port", first.replica_port == own.replica_port),
        ("/password", first.password == own.password),
        ("/also-accepted", first.also_accepted == own.also_accepted),
        ("/users", first.users == own.users),
        ("/supervisor", first.supervisor == own.supervisor),
        ("/node-timeout", first.node_timeout == own.node_timeout),
    ];
    compared
        .into_iter()
        .filter(|(_, is_same)| !is_same)
        .map(|(setting, _)| {
            Problem::with(
                setting,
                format!("differs on {machine}; it has to be the same everywhere"),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(port: u16, replica_port: u16) -> Settings {
        let text = format!(
            r#"{{"port": {port}, "replica-port": {replica_port}, "password": {{"secret": "p"}}}}"#
        );
        cellhost_sdk::serde_json::from_str(&text).unwrap()
    }

    fn about(problems: &[Problem]) -> Vec<&str> {
        problems.iter().map(|one| one.setting.as_str()).collect()
    }

    #[test]
    fn usual_ports_are_fine() {
        assert!(ports(&settings(7000, 7001)).is_empty());
    }

    #[test]
    fn a_port_whose_bus_would_have_no_port_is_refused() {
        assert_eq!(about(&ports(&settings(55536, 7001))), ["/port"]);
        assert!(ports(&settings(55535, 7001)).is_empty());
    }

    #[test]
    fn two_instances_cannot_share_a_port_nor_one_take_the_others_bus() {
        assert_eq!(about(&ports(&settings(7000, 7000))), ["/replica-port"]);
        assert_eq!(about(&ports(&settings(7000, 17000))), ["/replica-port"]);
    }

    #[test]
    fn names_instead_of_addresses_and_addresses_given_twice_are_refused() {
        let members = [
            ("m1", "10.0.0.1"),
            ("m2", "db2.example"),
            ("m3", "10.0.0.1"),
        ];
        let members = members.map(|(name, address)| (name.to_owned(), address.to_owned()));
        assert_eq!(addresses(members.into_iter()).len(), 2);
    }

    #[test]
    fn a_port_that_differs_on_one_machine_is_named() {
        let problems = same(&settings(7000, 7001), &settings(7002, 7001), "m2");
        assert_eq!(about(&problems), ["/port"]);
    }
}
