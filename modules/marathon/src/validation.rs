use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use cellhost_sdk::prelude::*;

use crate::settings::Settings;
use crate::zk;

/// Flags that this module decides, and the plan by settings of their own.
const TAKEN: [&str; 13] = [
    "failover_timeout",
    "framework_name",
    "hostname",
    "http_address",
    "http_credentials",
    "http_port",
    "master",
    "mesos_authentication_principal",
    "mesos_authentication_secret_file",
    "mesos_role",
    "mesos_user",
    "task_launch_timeout",
    "zk",
];

/// Finds what is wrong with the plan's use of this module.
pub(crate) fn problems(cell: &Cell<Settings>) -> Vec<Problem> {
    let settings = cell.settings();
    let members = cell.members();
    let members = members.iter().map(|one| (one.name(), one.address()));
    let members: Vec<(String, String)> = members.collect();
    let mut problems = settings.source.problems();
    if let Err(why) = zk::places(cell) {
        problems.push(Problem::with("/zk-path", why));
    }
    let known = cell.output("mesos", "task-users").unwrap_or_default();
    problems.extend(user(&settings.user, &known));
    problems.extend(addresses(&members));
    problems.extend(options(&settings.options));
    problems
}

/// Mesos takes a task only as a user that its agent has.
fn user(user: &str, known: &str) -> Option<Problem> {
    if known.split(' ').any(|known| known == user) {
        return None;
    }
    Some(Problem::with(
        "/user",
        format!(
            "agents do not know `{}`, and no task would start: name it in `task-users` of `mesos`. \
             They know {}",
            user.escape_debug(),
            known.replace(' ', ", ")
        ),
    ))
}

fn addresses(members: &[(String, String)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut taken = BTreeSet::new();
    for (name, address) in members {
        let literal: Option<Ipv4Addr> = address.parse().ok();
        let why = match literal {
            None => "is no IPv4 address, which Mesos's library needs",
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

fn options(options: &BTreeMap<String, String>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, value) in options {
        let place = format!("/options/{name}");
        let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if TAKEN.contains(&name.as_str()) {
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
mod tests {
    use super::*;

    fn said(problems: impl IntoIterator<Item = Problem>) -> Vec<String> {
        let words = problems.into_iter();
        words
            .map(|one| format!("{}: {}", one.setting, one.message))
            .collect()
    }

    #[test]
    fn tasks_run_as_whom_agents_know() {
        assert_eq!(said(user("app", "root app")), [""; 0]);
        assert_eq!(
            said(user("marathon", "root app")),
            [
                "/user: agents do not know `marathon`, and no task would start: name it in \
                 `task-users` of `mesos`. They know root, app"
            ]
        );
    }

    #[test]
    fn an_address_is_one_that_others_reach() {
        let members = [("m1", "127.0.0.1"), ("m2", "m2"), ("m3", "10.0.0.3")];
        let members = members.map(|(name, address)| (name.to_owned(), address.to_owned()));
        assert_eq!(
            said(addresses(&members)),
            [
                ": m1 has the address 127.0.0.1, which is where no other machine reaches it",
                ": m2 has the address m2, which is no IPv4 address, which Mesos's library needs",
            ]
        );
    }

    #[test]
    fn flags_are_flags_and_not_those_of_settings() {
        let flags = [
            ("zk", "x"),
            ("--event_stream", ""),
            ("metrics_prometheus", ""),
        ];
        let flags = flags.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            said(options(&flags.into())),
            [
                "/options/--event_stream: is no flag: lower-case letters, digits and `_`, without \
                 dashes",
                "/options/zk: is decided by this module or by a setting of its own",
            ]
        );
    }
}
