use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use cellhost_sdk::prelude::*;

use crate::settings::Settings;

/// What the templates decide, and the plan by settings of their own.
const TAKEN: [&str; 13] = [
    "bind_address",
    "binlog_format",
    "datadir",
    "default_storage_engine",
    "innodb_autoinc_lock_mode",
    "innodb_buffer_pool_size",
    "innodb_flush_log_at_trx_commit",
    "max_connections",
    "pid_file",
    "port",
    "skip_networking",
    "socket",
    "user",
];

/// Finds what is wrong with the plan's use of this module.
pub(crate) fn problems(cell: &Cell<Settings>) -> Vec<Problem> {
    let members = cell.members();
    let members = members.iter().map(|one| (one.name(), one.address()));
    let members: Vec<(String, String)> = members.collect();
    let settings = cell.settings();
    let mut problems: Vec<Problem> = count(members.len(), settings.fragile).into_iter().collect();
    problems.extend(ports(settings));
    problems.extend(addresses(&members));
    problems.extend(options(&settings.options));
    problems.extend(name(&crate::member::cluster(cell)));
    problems
}

fn count(members: usize, is_fragile: bool) -> Option<Problem> {
    let why = match members {
        _ if is_fragile => return None,
        1 => "one member is no cluster: nobody goes on without it",
        2 => "of two members neither is a majority: each stops without the other",
        _ => return None,
    };
    Some(Problem::of_all(format!(
        "{why}. Give it three machines, or say `fragile = true`"
    )))
}

/// The cell's name may be one that a cluster cannot have.
fn name(cluster: &str) -> Option<Problem> {
    (cluster.len() > 32).then(|| {
        Problem::with(
            "/cluster-name",
            format!(
                "`{cluster}` is longer than the 32 characters that the name of a cluster may have; \
                 set a shorter one"
            ),
        )
    })
}

fn ports(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut taken: BTreeMap<u16, &str> = BTreeMap::new();
    for (setting, port) in settings.ports() {
        if let Some(other) = taken.get(&port) {
            let words = format!("{port} is taken by `{other}`");
            problems.push(Problem::with(format!("/{setting}"), words));
        }
        taken.entry(port).or_insert(setting);
    }
    problems
}

fn addresses(members: &[(String, String)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut taken = BTreeSet::new();
    for (name, address) in members {
        let literal: Option<IpAddr> = address.parse().ok();
        let is_local = literal.is_some_and(|one| one.is_loopback() || one.is_unspecified());
        if is_local || address == "localhost" {
            problems.push(Problem::of_all(format!(
                "{name} has the address {address}, where the other members cannot reach it"
            )));
        } else if !taken.insert(address) {
            problems.push(Problem::of_all(format!(
                "{name} has the address {address} of another member"
            )));
        }
    }
    problems
}

fn options(options: &BTreeMap<String, String>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (key, value) in options {
        // To the server, both are the same.
        let plain = key.replace('-', "_").to_ascii_lowercase();
        let plain = plain.strip_prefix("loose_").unwrap_or(&plain);
        let fine = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        let setting = format!("/options/{key}");
        if TAKEN.contains(&plain) || plain.starts_with("wsrep_") {
            problems.push(Problem::with(
                setting,
                "is decided by this module or by a setting of its own",
            ));
        } else if key.is_empty() || !key.chars().all(fine) || value.contains(char::is_control) {
            problems.push(Problem::with(setting, "is no line of `[mysqld]`"));
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
    fn fewer_than_three_have_to_be_wanted() {
        assert_eq!(
            said(count(2, false)),
            [
                ": of two members neither is a majority: each stops without the other. Give it \
                 three machines, or say `fragile = true`"
            ]
        );
        assert_eq!(
            said(count(1, false)),
            [
                ": one member is no cluster: nobody goes on without it. Give it three machines, or \
                 say `fragile = true`"
            ]
        );
        for (members, is_fragile) in [(1, true), (2, true), (3, false), (4, false)] {
            assert_eq!(said(count(members, is_fragile)), [""; 0]);
        }
    }

    #[test]
    fn two_purposes_cannot_share_a_port() {
        let text = r#"{"sst-password": {"secret": "p"}, "sst-port": 4568}"#;
        let settings: Settings = cellhost_sdk::serde_json::from_str(text).unwrap();
        assert_eq!(
            said(ports(&settings)),
            ["/sst-port: 4568 is taken by `ist-port`"]
        );
    }

    #[test]
    fn addresses_that_peers_cannot_use_are_refused() {
        let members = [("m1", "127.0.0.1"), ("m2", "10.0.0.2"), ("m3", "10.0.0.2")];
        let members = members.map(|(name, address)| (name.to_owned(), address.to_owned()));
        assert_eq!(
            said(addresses(&members)),
            [
                ": m1 has the address 127.0.0.1, where the other members cannot reach it",
                ": m3 has the address 10.0.0.2 of another member",
            ]
        );
    }

    #[test]
    fn lines_that_the_module_writes_itself_are_refused_however_they_are_written() {
        let lines = [
            "wsrep-cluster-address",
            "Bind-Address",
            "loose_port",
            "a=b",
            "sync_binlog",
        ];
        let lines = lines.map(|key| (key.to_owned(), "1".to_owned()));
        let about = options(&lines.into());
        let about: Vec<&str> = about.iter().map(|one| one.setting.as_str()).collect();
        let expected = [
            "/options/Bind-Address",
            "/options/a=b",
            "/options/loose_port",
            "/options/wsrep-cluster-address",
        ];
        assert_eq!(about, expected);
    }

    #[test]
    fn a_name_that_no_cluster_can_have_is_refused() {
        let long = "a".repeat(33);
        assert!(said(name(&long)).concat().contains("32 characters"));
        assert_eq!(said(name("orders")), [""; 0]);
    }
}
