use cellhost_sdk::log;
use cellhost_sdk::prelude::*;

use crate::inputs::{self, KINDS};
use crate::settings::Settings;
use crate::source::Source;

/// Tags that every metric has anyway.
const TAKEN: [&str; 4] = ["cell", "host", "roles", "zone"];
/// Tags that are another with every start or request: each value is a series of its own, for good.
const UNBOUNDED: [&str; 6] = [
    "boot_id",
    "pid",
    "request_id",
    "session",
    "timestamp",
    "uuid",
];

/// Finds what is wrong with the plan's use of this module.
pub(crate) fn problems(cell: &Cell<Settings>) -> Vec<Problem> {
    let settings = cell.settings();
    let mut problems: Vec<Problem> = source(&settings.source).into_iter().collect();
    problems.extend(outputs(settings));
    problems.extend(interval(settings));
    problems.extend(tags(settings));
    problems.extend(texts(settings));
    let members = cell.members();
    for kind in &KINDS {
        let input = kind.setting(&settings.inputs);
        let setting = format!("/inputs/{}", kind.name);
        if let Some(role) = &input.role
            && !members.iter().any(|machine| machine.has_role(role))
        {
            problems.push(lacking(&setting, role));
        }
        if kind.is_locked && input.password.is_none() {
            let is_there = |machine: &&Machine| {
                let gathered = inputs::on(cell, &settings.inputs, machine);
                gathered.iter().any(|one| one.kind.name == kind.name)
            };
            let first = members.iter().find(is_there);
            problems.extend(first.map(|machine| locked(&setting, kind.name, &machine.name())));
        }
    }
    problems
}

/// Says what works and should not be left so.
pub(crate) fn warn(settings: &Settings) {
    for url in open_urls(settings) {
        log::warn(&format!(
            "{url} is written to with a password or a token, and not by https: whoever is in \
             between can read it"
        ));
    }
}

/// The addresses to which something secret is sent that everybody in between can read.
fn open_urls(settings: &Settings) -> Vec<&str> {
    let outputs = &settings.outputs;
    let first = outputs.influxdb.iter();
    let first = first
        .filter(|one| one.password.is_some())
        .map(|one| &one.urls);
    let all = first.chain(outputs.influxdb_v2.iter().map(|one| &one.urls));
    let open = all.flatten().filter(|url| url.starts_with("http://"));
    open.map(String::as_str).collect()
}

fn source(source: &Source) -> Option<Problem> {
    let Source::Package(name) = source else {
        return None;
    };
    let version = name.strip_prefix("telegraf=");
    let is_fine = name == "telegraf" || version.is_some_and(|version| !version.is_empty());
    (!is_fine).then(|| not_the_package(name))
}

fn not_the_package(name: &str) -> Problem {
    Problem::with(
        "/source/package",
        format!(
            "`{}` is not Telegraf's package: `telegraf`, or one version of it, \
             `telegraf=1.36.3-1`",
            name.escape_debug()
        ),
    )
}

fn outputs(settings: &Settings) -> Vec<Problem> {
    let outputs = &settings.outputs;
    let mut problems = Vec::new();
    if outputs.influxdb.is_empty() && outputs.influxdb_v2.is_empty() && outputs.prometheus.is_none()
    {
        problems.push(Problem::with(
            "/outputs",
            "has none: what is gathered would go nowhere. Say `influxdb`, `influxdb-v2` or \
             `prometheus`",
        ));
    }
    let first = outputs.influxdb.iter().map(|one| &one.urls).enumerate();
    let first = first.map(|(place, urls)| (format!("/outputs/influxdb/{place}/urls"), urls));
    let second = outputs.influxdb_v2.iter().map(|one| &one.urls).enumerate();
    let second = second.map(|(place, urls)| (format!("/outputs/influxdb-v2/{place}/urls"), urls));
    for (setting, urls) in first.chain(second) {
        if urls.is_empty() {
            problems.push(Problem::with(setting.clone(), "has none"));
        }
        let wrong = urls.iter().filter_map(|url| address(url));
        problems.extend(wrong.map(|words| Problem::with(setting.clone(), words)));
    }
    if let Some(prometheus) = &outputs.prometheus
        && prometheus.port == settings.health_port
    {
        let words = format!("{} is taken by `health-port`", prometheus.port);
        problems.push(Problem::with("/outputs/prometheus/port", words));
    }
    problems
}

/// What is wrong with the address of an output.
fn address(url: &str) -> Option<String> {
    let shown = url.escape_debug();
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let Some(rest) = rest.filter(|rest| !rest.is_empty()) else {
        return Some(format!(
            "`{shown}` is no address: `https://influx.example:8086`"
        ));
    };
    let host = rest.split('/').next().unwrap_or_default();
    host.contains('@').then(|| {
        "has a password in an address, which everybody can read: name it as a secret".to_owned()
    })
}

fn interval(settings: &Settings) -> Option<Problem> {
    let is_fine = settings.seconds().is_some_and(|seconds| seconds >= 1);
    (!is_fine).then(|| {
        Problem::with(
            "/interval",
            format!(
                "`{}` is not a second or more: `10s`, `1m`",
                settings.interval.escape_debug()
            ),
        )
    })
}

fn tags(settings: &Settings) -> Vec<Problem> {
    let wrong = settings.tags.keys().filter_map(|key| {
        let words = if TAKEN.contains(&key.as_str()) {
            "is set by this module, from the plan: two machines of one name would be one"
        } else if UNBOUNDED.contains(&key.as_str()) {
            "is another with every start: each value is a series of its own for good"
        } else if key.is_empty() {
            "has no name"
        } else {
            return None;
        };
        Some(Problem::with(format!("/tags/{key}"), words))
    });
    wrong.collect()
}

/// Telegraf would put variables in; none is there, and an empty password is a quiet failure.
fn texts(settings: &Settings) -> Vec<Problem> {
    let mut texts: Vec<(String, &String)> = Vec::new();
    for (key, value) in &settings.tags {
        texts.push((format!("/tags/{key}"), value));
    }
    for (place, one) in settings.outputs.influxdb.iter().enumerate() {
        let setting = |name: &str| format!("/outputs/influxdb/{place}/{name}");
        texts.extend(one.urls.iter().map(|url| (setting("urls"), url)));
        texts.push((setting("database"), &one.database));
        texts.extend(one.username.iter().map(|name| (setting("username"), name)));
    }
    for (place, one) in settings.outputs.influxdb_v2.iter().enumerate() {
        let setting = |name: &str| format!("/outputs/influxdb-v2/{place}/{name}");
        texts.extend(one.urls.iter().map(|url| (setting("urls"), url)));
        texts.push((setting("organization"), &one.organization));
        texts.push((setting("bucket"), &one.bucket));
    }
    for kind in &KINDS {
        let input = kind.setting(&settings.inputs);
        let setting = |name: &str| format!("/inputs/{}/{name}", kind.name);
        texts.extend(input.servers.iter().map(|text| (setting("servers"), text)));
        texts.extend(input.user.iter().map(|text| (setting("user"), text)));
    }
    let wrong = texts.into_iter().filter(|(_, text)| text.contains("${"));
    wrong
        .map(|(setting, text)| {
            let words = format!(
                "`{}` has a variable, and no variable is set here: name a secret, \
                 `{{ secret = \"…\" }}`, where one is taken",
                text.escape_debug()
            );
            Problem::with(setting, words)
        })
        .collect()
}

fn lacking(setting: &str, role: &str) -> Problem {
    Problem::with(
        format!("{setting}/role"),
        format!(
            "no machine of this module has the role `{}`",
            role.escape_debug()
        ),
    )
}

fn locked(setting: &str, kind: &str, machine: &str) -> Problem {
    Problem::with(
        format!("{setting}/password"),
        format!(
            "by the plan there is {kind} on {machine}, which lets nobody in without a password: \
             set it, or leave it out by `off = true`"
        ),
    )
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
    fn what_is_gathered_has_to_go_somewhere() {
        assert_eq!(
            said(outputs(&settings("{}"))),
            [
                "/outputs: has none: what is gathered would go nowhere. Say `influxdb`, \
                 `influxdb-v2` or `prometheus`"
            ]
        );
        assert_eq!(
            said(outputs(&settings(
                r#"{"outputs": {"prometheus": {"port": 8888}}}"#
            ))),
            ["/outputs/prometheus/port: 8888 is taken by `health-port`"]
        );
    }

    #[test]
    fn addresses_of_outputs_are_looked_at() {
        let urls = r#"["influx:8086", "https://a:b@influx", "http://influx:8086/"]"#;
        let text =
            format!(r#"{{"outputs": {{"influxdb": [{{"urls": {urls}}}, {{"urls": []}}]}}}}"#);
        assert_eq!(
            said(outputs(&settings(&text))),
            [
                "/outputs/influxdb/0/urls: `influx:8086` is no address: \
                 `https://influx.example:8086`",
                "/outputs/influxdb/0/urls: has a password in an address, which everybody can \
                 read: name it as a secret",
                "/outputs/influxdb/1/urls: has none",
            ]
        );
    }

    #[test]
    fn an_interval_below_a_second_is_refused() {
        for text in ["500ms", "0s", "10", "", "s", "1d", "１s"] {
            let words = said(interval(&settings(&format!(r#"{{"interval": "{text}"}}"#))));
            let expected = format!("/interval: `{text}` is not a second or more: `10s`, `1m`");
            assert_eq!(words, [expected]);
        }
        for (text, seconds) in [("1s", 1), ("2m", 120), ("1h", 3600)] {
            let settings = settings(&format!(r#"{{"interval": "{text}"}}"#));
            assert_eq!(settings.seconds(), Some(seconds));
        }
    }

    #[test]
    fn tags_that_others_set_or_that_never_end_are_refused() {
        let text = r#"{"tags": {"host": "x", "pid": "1", "team": "a"}}"#;
        assert_eq!(
            said(tags(&settings(text))),
            [
                "/tags/host: is set by this module, from the plan: two machines of one name would \
                 be one",
                "/tags/pid: is another with every start: each value is a series of its own for \
                 good",
            ]
        );
    }

    #[test]
    fn variables_that_nobody_sets_are_refused() {
        let text = r#"{"outputs": {"influxdb": [{"urls": [], "username": "${INFLUX_USER}"}]},
                       "tags": {"price": "5$"}}"#;
        assert_eq!(
            said(texts(&settings(text))),
            [
                "/outputs/influxdb/0/username: `${INFLUX_USER}` has a variable, and no variable is \
                 set here: name a secret, `{ secret = \"…\" }`, where one is taken"
            ]
        );
    }

    #[test]
    fn other_packages_are_refused() {
        for name in ["telegraf", "telegraf=1.36.3-1"] {
            assert_eq!(said(source(&Source::Package(name.to_owned()))), [""; 0]);
        }
        for name in ["telegraf=", "telegraf-nightly"] {
            let words = said(source(&Source::Package(name.to_owned())));
            assert!(
                words.concat().contains("is not Telegraf's package"),
                "{name}"
            );
        }
    }

    #[test]
    fn what_a_machine_lacks_or_locks_is_named() {
        assert_eq!(
            said([
                lacking("/inputs/docker", "agent"),
                locked("/inputs/redis", "redis", "m1")
            ]),
            [
                "/inputs/docker/role: no machine of this module has the role `agent`",
                "/inputs/redis/password: by the plan there is redis on m1, which lets nobody in \
                 without a password: set it, or leave it out by `off = true`",
            ]
        );
    }

    #[test]
    fn secrets_that_go_over_the_wire_in_the_open_are_told() {
        let text = r#"{"outputs": {
            "influxdb": [{"urls": ["http://a:8086"]},
                         {"urls": ["http://b:8086", "https://c"], "password": {"secret": "p"}}],
            "influxdb-v2": [{"urls": ["http://d"], "token": {"secret": "t"},
                             "organization": "o", "bucket": "b"}]}}"#;
        assert_eq!(open_urls(&settings(text)), ["http://b:8086", "http://d"]);
    }
}
