//! Which versions of Mesos there are.

use std::collections::BTreeMap;

use cellhost_sdk::log;
use cellhost_sdk::prelude::*;
use cellhost_sdk::serde_json::{self, Value};

use crate::http::{self, Told};
use crate::look::Seen;
use crate::settings::Settings;

/// Warns where masters and agents are of more than one major version: Mesos promises that they
/// understand each other only within one.
pub(crate) fn compare(
    settings: &Settings,
    masters: &[Machine],
    seen: &[Seen],
) -> Result<(), Failure> {
    let mut found = Vec::new();
    for machine in masters {
        let (address, port) = (machine.address(), settings.master_port);
        if let Told::Reply(reply) = http::get(machine, &address, port, "/version")? {
            found.extend(version(&read(&reply.body)).map(|version| (machine.name(), version)));
        }
        let leads = |one: &Seen| one.id == machine.ordinal() && one.leads();
        if seen.iter().any(leads)
            && let Told::Reply(reply) = http::get(machine, &address, port, "/slaves")?
        {
            found.extend(of_agents(&reply.body));
        }
    }
    if let Some(words) = mixture(&found) {
        log::warn(&words);
    }
    Ok(())
}

/// Names one of each major version, where there is more than one.
fn mixture(found: &[(String, String)]) -> Option<String> {
    let majors = found.iter().map(|(who, version)| {
        let major = version.split('.').next().unwrap_or_default();
        (major, (who, version))
    });
    let majors: BTreeMap<&str, (&String, &String)> = majors.collect();
    let words = majors.values();
    let words: Vec<String> = words
        .map(|(who, version)| format!("{who} has {version}"))
        .collect();
    (words.len() > 1).then(|| {
        format!(
            "Mesos is there in more than one major version, which may not understand each other: {}",
            words.join(", ")
        )
    })
}

/// Those that the leading master has by their addresses; who is no longer there does not count.
fn of_agents(body: &str) -> Vec<(String, String)> {
    let body = read(body);
    let agents = body.get("slaves").and_then(Value::as_array);
    let active = agents.into_iter().flatten();
    let active = active.filter(|agent| agent.get("active") == Some(&json!(true)));
    let told = active.filter_map(|agent| {
        let host = agent.get("hostname").and_then(Value::as_str)?;
        Some((
            format!("the agent {}", host.escape_debug()),
            version(agent)?,
        ))
    });
    told.collect()
}

/// Reads one such as `1.11.0`; of others nothing can be said.
fn version(told: &Value) -> Option<String> {
    let text = told.get("version").and_then(Value::as_str)?;
    let fine = |c: char| c.is_ascii_alphanumeric() || ".-+".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_digit());
    (begins && text.len() < 64 && text.chars().all(fine)).then(|| text.to_owned())
}

fn read(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(versions: &[(&str, &str)]) -> Vec<(String, String)> {
        let versions = versions.iter();
        let versions = versions.map(|(who, version)| ((*who).to_owned(), (*version).to_owned()));
        versions.collect()
    }

    #[test]
    fn one_major_version_is_no_mixture() {
        assert_eq!(mixture(&found(&[("m1", "1.9.0"), ("m2", "1.11.0")])), None);
        assert_eq!(mixture(&[]), None);
        assert_eq!(
            mixture(&found(&[
                ("m1", "1.11.0"),
                ("m2", "2.0.0-rc1"),
                ("m3", "1.11.0")
            ]))
            .as_deref(),
            Some(
                "Mesos is there in more than one major version, which may not understand each \
                 other: m3 has 1.11.0, m2 has 2.0.0-rc1"
            )
        );
    }

    #[test]
    fn agents_that_are_there_tell_their_versions() {
        let body = r#"{"slaves": [{"hostname": "10.0.0.2", "active": true, "version": "1.11.0"},
            {"hostname": "10.0.0.3", "active": false, "version": "0.28.1"},
            {"hostname": "10.0.0.4", "active": true, "version": "\u001b[2J"}]}"#;
        assert_eq!(of_agents(body), found(&[("the agent 10.0.0.2", "1.11.0")]));
        assert!(of_agents("<html>").is_empty());
    }
}
