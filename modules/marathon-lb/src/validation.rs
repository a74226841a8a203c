use std::collections::{BTreeMap, BTreeSet};

use cellhost_sdk::prelude::*;

use crate::routes::TASK_PORTS;
use crate::settings::{SELF_SIGNED, Settings};

/// Where Marathon is: by the plan's settings, or by what another module tells.
pub(crate) fn marathons(cell: &Cell<Settings>) -> Option<Vec<String>> {
    let said = &cell.settings().marathons;
    if !said.is_empty() {
        return Some(said.clone());
    }
    let told = cell.output("marathon", "nodes")?;
    Some(
        told.split(',')
            .map(|node| format!("http://{node}"))
            .collect(),
    )
}

/// Finds what is wrong with the plan's use of this module.
pub(crate) fn problems(cell: &Cell<Settings>) -> Vec<Problem> {
    let settings = cell.settings();
    let mut problems = Vec::new();
    if settings.source.is_none() {
        problems.push(Problem::with(
            "/source",
            "does not say where marathon-lb comes from: no distribution has it. Say an `archive` \
             with its `sha256`, or a `package`",
        ));
    }
    match marathons(cell) {
        None => problems.push(Problem::with(
            "/marathons",
            "has none, and no module of the plan tells where Marathon is: \
             `[\"http://10.0.0.1:8080\"]`",
        )),
        Some(urls) => problems.extend(urls.iter().filter_map(|url| address(url))),
    }
    problems.extend(groups(&settings.groups));
    problems.extend(ports(settings));
    problems.extend(certificates(settings));
    problems.extend(networks(&settings.stats_from));
    if let Some(text) = &settings.ca_certificate
        && !text.trim_start().starts_with("-----BEGIN CERTIFICATE-----")
    {
        problems.push(Problem::with(
            "/ca-certificate",
            "is no certificate in PEM: it begins with `-----BEGIN CERTIFICATE-----`",
        ));
    }
    problems
}

fn address(url: &str) -> Option<Problem> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let fine = |c: char| c.is_ascii_alphanumeric() || ".-_:[]/".contains(c);
    let shown = url.escape_debug();
    let why = match rest {
        Some(rest) if rest.contains('@') => {
            "has a password in an address, which everybody can read: say `credentials`".to_owned()
        }
        Some(rest) if !rest.is_empty() && rest.chars().all(fine) => return None,
        _ => format!("`{shown}` is no address of Marathon: `http://10.0.0.1:8080`"),
    };
    Some(Problem::with("/marathons", why))
}

fn groups(groups: &[String]) -> Vec<Problem> {
    if groups.is_empty() {
        return vec![Problem::with(
            "/groups",
            "has none, so no app would be served: `[\"external\"]`, or `[\"*\"]` for all",
        )];
    }
    let fine = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let is_group = |name: &str| name == "*" || (!name.is_empty() && name.chars().all(fine));
    let wrong = groups.iter().filter(|name| !is_group(name));
    let said = wrong.map(|name| {
        let why = format!(
            "`{}` is no group: letters, digits, `.`, `_` and `-`, or `*` for all",
            name.escape_debug()
        );
        Problem::with("/groups", why)
    });
    said.collect()
}

fn ports(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut taken = BTreeMap::new();
    for (name, port) in settings.ports() {
        if let Some(other) = taken.insert(port, name) {
            let why = format!("{port} is taken by `{other}`");
            problems.push(Problem::with(format!("/{name}"), why));
        }
        if TASK_PORTS.contains(&port) {
            let why = format!("{port} is one that Mesos gives to tasks: 31000 to 32000");
            problems.push(Problem::with(format!("/{name}"), why));
        }
    }
    let [first, last] = settings.ip_per_task_ports;
    let range = first..=last;
    if first == 0 || range.is_empty() {
        let why = "is no first and last port: `[10050, 10100]`";
        problems.push(Problem::with("/ip-per-task-ports", why));
    } else if range.contains(TASK_PORTS.start()) || TASK_PORTS.contains(&first) {
        let why = "has ports that Mesos gives to tasks: 31000 to 32000";
        problems.push(Problem::with("/ip-per-task-ports", why));
    } else if let Some((name, port)) = settings.ports().find(|(_, port)| range.contains(port)) {
        let why = format!("has {port}, which is `{name}`");
        problems.push(Problem::with("/ip-per-task-ports", why));
    }
    problems
}

fn certificates(settings: &Settings) -> Vec<Problem> {
    let names = settings.certificate_names();
    let mut problems = Vec::new();
    if settings.https_port > 0 && names.is_empty() {
        problems.push(Problem::with(
            "/https-port",
            "needs a certificate: say `certificates`, or `self-signed = true` for one that nobody \
             trusts",
        ));
    }
    if settings.https_port == 0 && !names.is_empty() {
        problems.push(Problem::with(
            "/https-port",
            "is not said, so that the certificates would be of no use: 443 is usual",
        ));
    }
    let mut seen = BTreeSet::new();
    for one in &settings.certificates {
        let why = if one.name == SELF_SIGNED {
            "is the name of the one that `self-signed` makes"
        } else if !seen.insert(&one.name) {
            "is the name of another one too"
        } else {
            continue;
        };
        let why = format!("`{}` {why}", one.name);
        problems.push(Problem::with("/certificates", why));
    }
    problems
}

fn networks(networks: &[String]) -> Vec<Problem> {
    let is_network = |text: &str| {
        let (address, bits) = text.split_once('/').unwrap_or((text, "0"));
        let address: Option<std::net::IpAddr> = address.parse().ok();
        let most = address.map_or(0, |own| if own.is_ipv4() { 32_u8 } else { 128 });
        address.is_some() && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
    };
    let wrong = networks.iter().filter(|text| !is_network(text));
    let said = wrong.map(|text| {
        let why = format!(
            "`{}` is no address or network: `10.0.0.0/8`",
            text.escape_debug()
        );
        Problem::with("/stats-from", why)
    });
    said.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        cellhost_sdk::serde_json::from_str(text).unwrap()
    }

    fn said(problems: impl IntoIterator<Item = Problem>) -> Vec<String> {
        let words = problems.into_iter();
        words
            .map(|one| format!("{}: {}", one.setting, one.message))
            .collect()
    }

    #[test]
    fn addresses_of_marathon_are_looked_at() {
        for fine in [
            "http://10.0.0.1:8080",
            "https://marathon.example/path",
            "http://[fd00::1]:8080",
        ] {
            assert_eq!(said(address(fine)), [""; 0], "{fine}");
        }
        assert_eq!(
            said(address("http://a:b@10.0.0.1:8080")),
            [
                "/marathons: has a password in an address, which everybody can read: say `credentials`"
            ]
        );
        for wrong in [
            "10.0.0.1:8080",
            "http://",
            "http://a'b",
            "http://a b",
            "http://a%i",
            "http://$x",
        ] {
            let expected = format!(
                "/marathons: `{}` is no address of Marathon: `http://10.0.0.1:8080`",
                wrong.escape_debug()
            );
            assert_eq!(said(address(wrong)), [expected]);
        }
    }

    #[test]
    fn without_a_group_nothing_would_be_served() {
        assert_eq!(
            said(groups(&[])),
            [
                "/groups: has none, so no app would be served: `[\"external\"]`, or `[\"*\"]` for all"
            ]
        );
        assert_eq!(
            said(groups(&["external".to_owned(), "*".to_owned()])),
            [""; 0]
        );
        assert_eq!(
            said(groups(&["a,b".to_owned()])),
            ["/groups: `a,b` is no group: letters, digits, `.`, `_` and `-`, or `*` for all"]
        );
    }

    #[test]
    fn ports_are_its_own_and_not_those_of_tasks() {
        for (text, why) in [
            (
                r#"{"http-port": 9090}"#,
                "/stats-port: 9090 is taken by `http-port`",
            ),
            (
                r#"{"http-port": 31000}"#,
                "/http-port: 31000 is one that Mesos gives to tasks: 31000 to 32000",
            ),
            (
                r#"{"ip-per-task-ports": [10100, 10050]}"#,
                "/ip-per-task-ports: is no first and last port: `[10050, 10100]`",
            ),
            (
                r#"{"ip-per-task-ports": [31500, 31600]}"#,
                "/ip-per-task-ports: has ports that Mesos gives to tasks: 31000 to 32000",
            ),
            (
                r#"{"ip-per-task-ports": [20000, 40000]}"#,
                "/ip-per-task-ports: has ports that Mesos gives to tasks: 31000 to 32000",
            ),
            (
                r#"{"ip-per-task-ports": [9000, 10000]}"#,
                "/ip-per-task-ports: has 9090, which is `stats-port`",
            ),
        ] {
            assert_eq!(said(ports(&settings(text))), [why], "{text}");
        }
        let none = r#"{"http-port": 0, "https-port": 0, "app-id-port": 0}"#;
        assert_eq!(said(ports(&settings(none))), [""; 0]);
    }

    #[test]
    fn tls_and_certificates_need_each_other() {
        let site = r#"{"name": "site", "pem-base64": {"secret": "site"}}"#;
        assert_eq!(
            said(certificates(&settings(r#"{"https-port": 443}"#))),
            [
                "/https-port: needs a certificate: say `certificates`, or `self-signed = true` for \
                 one that nobody trusts"
            ]
        );
        assert_eq!(
            said(certificates(&settings(&format!(
                r#"{{"certificates": [{site}]}}"#
            )))),
            [
                "/https-port: is not said, so that the certificates would be of no use: 443 is \
                 usual"
            ]
        );
        let twice = format!(r#"{{"https-port": 443, "certificates": [{site}, {site}]}}"#);
        assert_eq!(
            said(certificates(&settings(&twice))),
            ["/certificates: `site` is the name of another one too"]
        );
        let own = r#"{"https-port": 443, "self-signed": true}"#;
        assert_eq!(said(certificates(&settings(own))), [""; 0]);
    }

    #[test]
    fn networks_are_networks() {
        let all = ["10.0.0.0/8", "10.0.0.1", "fd00::/8"].map(str::to_owned);
        assert_eq!(said(networks(&all)), [""; 0]);
        for wrong in ["10.0.0.0/33", "all", "10.0.0.0/8 }", ""] {
            assert_eq!(said(networks(&[wrong.to_owned()])).len(), 1, "{wrong}");
        }
    }
}
