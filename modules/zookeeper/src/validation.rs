use std::collections::BTreeSet;
use std::net::IpAddr;

use cellhost_sdk::prelude::*;

use crate::settings::Settings;

/// ZooKeeper's own bound, and the one where nodes that live for a time are switched on.
const HIGHEST: u32 = 255;
const HIGHEST_EXTENDED: u32 = 254;
const EXTENDED: &str = "extendedTypesEnabled";
/// Where the module may write.
const ROOMS: [&str; 2] = ["/var/lib/zookeeper", "/srv/zookeeper"];
/// What the template decides, and the plan by settings of their own.
const TAKEN: [&str; 14] = [
    "4lw.commands.whitelist",
    "admin.enableServer",
    "clientPort",
    "dataDir",
    "dataLogDir",
    "db.autocreate",
    "dynamicConfigFile",
    "initLimit",
    "maxClientCnxns",
    "peerType",
    "reconfigEnabled",
    "standaloneEnabled",
    "syncLimit",
    "tickTime",
];

/// One member as the plan has it.
struct Planned {
    name: String,
    id: u32,
    address: String,
}

/// Finds what is wrong with the plan's use of this module.
pub(crate) fn problems(cell: &Cell<Settings>) -> Vec<Problem> {
    let members: Vec<Planned> = cell
        .members()
        .iter()
        .map(|machine| Planned {
            name: machine.name(),
            id: machine.ordinal(),
            address: machine.address(),
        })
        .collect();
    let settings = cell.settings();
    let mut problems = ports(settings);
    problems.extend(directories(settings));
    problems.extend(further(settings));
    problems.extend(seats(&members, highest(settings)));
    problems
}

/// Returns the highest number that a member may have.
fn highest(settings: &Settings) -> u32 {
    let is_on = |value: &str| value.eq_ignore_ascii_case("true");
    let property = format!("-Dzookeeper.{EXTENDED}=");
    let mut values = settings.jvm_options.iter();
    let is_extended = settings.options.get(EXTENDED).is_some_and(|on| is_on(on))
        || values.any(|option| option.strip_prefix(&property).is_some_and(is_on));
    if is_extended {
        HIGHEST_EXTENDED
    } else {
        HIGHEST
    }
}

fn ports(settings: &Settings) -> Vec<Problem> {
    let ports = [
        ("client-port", settings.client_port),
        ("peer-port", settings.peer_port),
        ("election-port", settings.election_port),
    ];
    let mut problems = Vec::new();
    let mut taken: Vec<(&str, u16)> = Vec::new();
    for (setting, port) in ports {
        if let Some((other, _)) = taken.iter().find(|(_, own)| *own == port) {
            problems.push(Problem::with(
                format!("/{setting}"),
                format!("{port} is taken by `{other}`"),
            ));
        }
        taken.push((setting, port));
    }
    problems
}

fn directories(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    let named = [
        ("/data-dir", Some(settings.data_dir.as_str())),
        ("/log-dir", settings.log_dir.as_deref()),
    ];
    for (setting, path) in named {
        let Some(path) = path else { continue };
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
    if settings.log_dir.as_deref() == Some(&settings.data_dir) {
        problems.push(Problem::with(
            "/log-dir",
            "is where the data is: leave it out for that",
        ));
    }
    problems
}

/// Below, and not the room itself: there a package has files of its own.
fn is_within(path: &str) -> bool {
    let parts = |rest: &str| {
        let fine = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let good = |part: &str| !part.is_empty() && part.chars().all(fine) && part != "..";
        rest.strip_prefix('/')
            .is_some_and(|rest| rest.split('/').all(|part| good(part) && part != "."))
    };
    ROOMS
        .iter()
        .any(|room| path.strip_prefix(room).is_some_and(parts))
}

fn further(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (key, value) in &settings.options {
        let fine = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let setting = format!("/options/{key}");
        if TAKEN.contains(&key.as_str()) || key.starts_with("server.") {
            problems.push(Problem::with(
                setting,
                "is decided by this module or by a setting of its own",
            ));
        } else if key.is_empty() || !key.chars().all(fine) || value.contains(char::is_control) {
            problems.push(Problem::with(setting, "is no line of `zoo.cfg`"));
        }
    }
    for (place, option) in settings.jvm_options.iter().enumerate() {
        let fine = |c: char| c.is_ascii_alphanumeric() || "-._:=/,+@".contains(c);
        if !option.starts_with('-') || !option.chars().all(fine) {
            problems.push(Problem::with(
                format!("/jvm-options/{place}"),
                "is no option of Java: a `-`, then letters, digits and `-._:=/,+@`",
            ));
        }
    }
    problems
}

fn seats(members: &[Planned], highest: u32) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut taken = BTreeSet::new();
    for Planned { name, id, address } in members {
        if *id > highest {
            problems.push(Problem::of_all(format!(
                "{name} has the number {id}: ZooKeeper's go from 1 to {highest}. Give it a free one \
                 by `ordinals`"
            )));
        }
        let literal: Option<IpAddr> = address.parse().ok();
        let is_local = literal.is_some_and(|one| one.is_loopback() || one.is_unspecified());
        if members.len() > 1 && (is_local || address == "localhost") {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn said(problems: &[Problem]) -> Vec<String> {
        let words = problems.iter();
        words
            .map(|one| format!("{}: {}", one.setting, one.message))
            .collect()
    }

    fn planned(members: &[(u32, &str)]) -> Vec<Planned> {
        let planned = members.iter().map(|(id, address)| Planned {
            name: format!("m{id}"),
            id: *id,
            address: (*address).to_owned(),
        });
        planned.collect()
    }

    #[test]
    fn what_is_usual_is_fine() {
        let settings = Settings::default();
        let members = planned(&[(1, "10.0.0.1"), (2, "zk2.example"), (255, "10.0.0.3")]);
        assert_eq!(said(&ports(&settings)), [""; 0]);
        assert_eq!(said(&directories(&settings)), [""; 0]);
        assert_eq!(said(&seats(&members, HIGHEST)), [""; 0]);
    }

    #[test]
    fn two_purposes_cannot_share_a_port() {
        let settings = Settings {
            peer_port: 2181,
            ..Settings::default()
        };
        assert_eq!(
            said(&ports(&settings)),
            ["/peer-port: 2181 is taken by `client-port`"]
        );
    }

    #[test]
    fn data_that_a_restart_would_lose_is_refused() {
        for path in [
            "/tmp/zookeeper",
            "/var/lib/zookeeper",
            "/var/lib/zookeeper/../x",
        ] {
            let settings = Settings {
                data_dir: path.to_owned(),
                ..Settings::default()
            };
            assert_eq!(
                said(&directories(&settings)),
                [format!(
                    "/data-dir: `{path}` is not below /var/lib/zookeeper or /srv/zookeeper: mount \
                     or link the disk there"
                )]
            );
        }
    }

    #[test]
    fn a_number_above_255_is_refused() {
        assert_eq!(
            said(&seats(
                &planned(&[(1, "10.0.0.1"), (256, "10.0.0.2")]),
                HIGHEST
            )),
            [
                ": m256 has the number 256: ZooKeeper's go from 1 to 255. Give it a free one by \
              `ordinals`"
            ]
        );
    }

    #[test]
    fn nodes_that_live_for_a_time_take_a_number_away() {
        let option = ("extendedTypesEnabled".to_owned(), "true".to_owned());
        let by_line = Settings {
            options: [option].into(),
            ..Settings::default()
        };
        let by_java = Settings {
            jvm_options: vec!["-Dzookeeper.extendedTypesEnabled=true".to_owned()],
            ..Settings::default()
        };
        let members = planned(&[(254, "10.0.0.1"), (255, "10.0.0.2")]);
        assert_eq!(highest(&Settings::default()), 255);
        for settings in [by_line, by_java] {
            assert_eq!(
                said(&seats(&members, highest(&settings))),
                [
                    ": m255 has the number 255: ZooKeeper's go from 1 to 254. Give it a free one by \
                     `ordinals`"
                ]
            );
        }
    }

    #[test]
    fn addresses_that_peers_cannot_use_are_refused() {
        let members = [
            (1, "127.0.0.1"),
            (2, "10.0.0.2"),
            (3, "10.0.0.2"),
            (4, "::"),
        ];
        assert_eq!(
            said(&seats(&planned(&members), HIGHEST)),
            [
                ": m1 has the address 127.0.0.1, where the other members cannot reach it",
                ": m3 has the address 10.0.0.2 of another member",
                ": m4 has the address ::, where the other members cannot reach it",
            ]
        );
        let alone = planned(&[(1, "127.0.0.1")]);
        assert_eq!(said(&seats(&alone, HIGHEST)), [""; 0]);
    }

    #[test]
    fn lines_that_the_module_writes_itself_are_refused() {
        let options = [
            ("tickTime", "1"),
            ("server.9", "x"),
            ("a", "b\nc=d"),
            ("ok", "1"),
        ];
        let options = options.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let settings = Settings {
            options: options.into(),
            jvm_options: vec!["-Da=b".to_owned(), "-Da=$(b)".to_owned()],
            ..Settings::default()
        };
        let problems = further(&settings);
        let about: Vec<&str> = problems.iter().map(|one| one.setting.as_str()).collect();
        let expected = [
            "/options/a",
            "/options/server.9",
            "/options/tickTime",
            "/jvm-options/1",
        ];
        assert_eq!(about, expected);
    }
}
