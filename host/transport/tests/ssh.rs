//! Couriers over ssh against machines of a lab, which has to be up and is changed:
//! `cellhost lab up 4`, then, in the lab's network (`cellhost lab exec …`),
//! `cargo test -p cellhost-transport --test ssh -- --ignored --test-threads=1`.
//! `CELLHOST_TEST_LAB` is the command that freezes and kills its machines, such as
//! `cellhost lab`; what needs it is left out without.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cellhost_plan::{Become, BecomeMethod, HostKey, Machine, MachineName, Span, Ssh};
use cellhost_transport::resources::{Facts, directory, file, group, service, software, user};
use cellhost_transport::{
    Command, Courier, CourierError, Fleet, Identity, Reply, Request, Settled, SshFleet, Stage,
    Task, Wish,
};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

fn config() -> PathBuf {
    let config = std::env::var_os("CELLHOST_SSH_CONFIG");
    config.unwrap_or_else(|| panic!("run this in a lab")).into()
}

fn settings() -> Ssh {
    Ssh {
        connect_timeout: Duration::from_secs(3),
        keep_alive: Duration::from_mins(1),
        ..Ssh::default()
    }
}

fn machine(name: &str, address: &str) -> Machine {
    Machine {
        name: MachineName::new(name).unwrap(),
        address: address.to_owned(),
        user: None,
        port: None,
        host_keys: Vec::new(),
        roles: [].into(),
        groups: [].into(),
        tags: BTreeMap::new(),
        zone: None,
        variables: BTreeMap::new(),
        span: Span::default(),
    }
}

async fn courier(settings: &Ssh, machine: Machine, config: &Path) -> (SshFleet, Arc<dyn Courier>) {
    let fleet = SshFleet::new(settings, [&machine], Some(config), None).unwrap();
    let courier = fleet.courier(&machine.name).await.unwrap();
    (fleet, courier)
}

async fn to(name: &str) -> (SshFleet, Arc<dyn Courier>) {
    courier(&settings(), machine(name, name), &config()).await
}

async fn settle(courier: &dyn Courier, wishes: Vec<Wish>) -> Settled {
    let list = wishes.iter().map(Wish::identity).collect();
    let Reply::Facts(facts) = courier.exchange(Request::Look(list)).await.unwrap() else {
        panic!()
    };
    let tasks = Task::pair(wishes, facts);
    match courier.exchange(Request::Settle(tasks)).await.unwrap() {
        Reply::Settled(settled) => settled,
        other => panic!("{other:?}"),
    }
}

async fn settled(courier: &dyn Courier, wishes: Vec<Wish>) {
    let settled = settle(courier, wishes).await;
    assert_eq!(settled.failure(), None);
}

/// Which of the wishes differ, in words.
async fn differences(courier: &dyn Courier, wishes: &[Wish]) -> Vec<String> {
    let list = wishes.iter().map(Wish::identity).collect();
    let Reply::Facts(facts) = courier.exchange(Request::Look(list)).await.unwrap() else {
        panic!()
    };
    let pairs = wishes.iter().zip(&facts);
    let lines = pairs.filter_map(|(wish, facts)| wish.compare(facts));
    lines.flat_map(|difference| difference.lines).collect()
}

fn command(argv: &[&str], seconds: u64) -> Request {
    Request::Command(Command {
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        input: Vec::new(),
        environment: Vec::new(),
        user: None,
        deadline: Duration::from_secs(seconds),
        limit: 1 << 16,
    })
}

async fn run(courier: &dyn Courier, argv: &[&str]) -> (i32, String) {
    match courier.exchange(command(argv, 30)).await.unwrap() {
        Reply::Answer(answer) => (
            answer.status,
            String::from_utf8_lossy(&answer.output).trim().to_owned(),
        ),
        other => panic!("{other:?}"),
    }
}

fn packages(names: &[&str], start: bool) -> Wish {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Wish::Software(software::Software {
        names,
        start,
        ..software::Software::default()
    })
}

fn service(name: &str, enabled: bool, running: bool) -> Wish {
    Wish::Service(service::Service {
        watch: service::Watch::none(name),
        enabled,
        running,
    })
}

/// A service that runs and restarts for a file.
fn watching(name: &str, path: &str) -> Wish {
    let mut watch = service::Watch::none(name);
    watch.restart_for.insert(path.to_owned());
    Wish::Service(service::Service {
        watch,
        enabled: true,
        running: true,
    })
}

fn file(path: &str, content: &str) -> Wish {
    Wish::File(file::File {
        path: path.to_owned(),
        content: content.into(),
        hash: format!("{:x}", Sha256::digest(content)),
        mode: Some(0o644),
        owner: Some("root".into()),
        group: None,
        before: None,
        backup: false,
    })
}

/// Does something to the lab; false where the test was not told how.
fn lab(words: &[&str]) -> bool {
    let Ok(command) = std::env::var("CELLHOST_TEST_LAB") else {
        return false;
    };
    let mut parts = command.split(' ');
    let status = Process::new(parts.next().unwrap())
        .args(parts)
        .args(words)
        .status();
    assert!(status.unwrap().success());
    true
}

fn stage(error: &CourierError) -> Stage {
    match error {
        CourierError::Unreachable {
            stage,
            in_doubt: false,
            ..
        } => *stage,
        other => panic!("{other}"),
    }
}

#[tokio::test]
#[ignore = "needs a lab"]
async fn installs_configures_and_restarts_a_service() {
    let (fleet, courier) = to("m1").await;
    let courier = courier.as_ref();
    let none = Wish::NoSoftware(software::NoSoftware {
        names: BTreeSet::from(["redis-server".to_owned(), "never-was".to_owned()]),
    });
    let theirs = "#!/bin/sh\nexit 0\n";
    let policy = file("/usr/sbin/policy-rc.d", theirs);
    settled(courier, vec![none.clone(), policy]).await;
    settled(courier, vec![packages(&["redis-server"], false)]).await;
    let policy = run(courier, &["cat", "/usr/sbin/policy-rc.d"]).await;
    assert_eq!(policy.1, theirs.trim());
    assert_eq!(
        run(courier, &["systemctl", "is-active", "redis-server"])
            .await
            .1,
        "inactive"
    );
    run(courier, &["rm", "/usr/sbin/policy-rc.d"]).await;
    settled(courier, vec![none.clone()]).await;
    settled(courier, vec![packages(&["redis-server"], false)]).await;
    assert_eq!(
        run(courier, &["systemctl", "is-active", "redis-server"])
            .await
            .1,
        "inactive"
    );
    assert_ne!(
        run(courier, &["test", "-e", "/usr/sbin/policy-rc.d"])
            .await
            .0,
        0
    );
    let unit = |sleep: u32| {
        let text = format!(
            "[Service]\nExecStart=/bin/sleep {sleep}\n[Install]\nWantedBy=multi-user.target\n"
        );
        file("/etc/systemd/system/trial.service", &text)
    };
    let wishes = |sleep| {
        vec![
            packages(&["redis-server"], false),
            unit(sleep),
            service("redis-server", true, true),
            watching("trial", "/etc/systemd/system/trial.service"),
        ]
    };
    settled(courier, wishes(7001)).await;
    assert_eq!(
        differences(courier, &wishes(7001)).await,
        Vec::<String>::new()
    );
    let process = run(courier, &["systemctl", "show", "-p", "MainPID", "trial"]).await;
    settled(courier, vec![service("trial", true, true)]).await;
    let same = run(courier, &["systemctl", "show", "-p", "MainPID", "trial"]).await;
    assert_eq!(process, same);
    settled(courier, vec![unit(7002)]).await;
    assert_eq!(differences(courier, &wishes(7002)).await, ["restart"]);
    settled(courier, wishes(7002)).await;
    assert_eq!(
        differences(courier, &wishes(7002)).await,
        Vec::<String>::new()
    );
    let line = run(
        courier,
        &[
            "sh",
            "-c",
            "tr '\\0' ' ' </proc/$(systemctl show -P MainPID trial)/cmdline",
        ],
    )
    .await;
    assert_eq!(line.1, "/bin/sleep 7002");
    settled(
        courier,
        vec![
            service("trial", false, false),
            service("redis-server", false, false),
        ],
    )
    .await;
    assert_eq!(
        differences(courier, &[service("trial", false, false)]).await,
        Vec::<String>::new()
    );
    settled(courier, vec![none.clone()]).await;
    assert_eq!(differences(courier, &[none]).await, Vec::<String>::new());
    fleet.close().await;
}

/// Every way in which a unit comes about takes effect, whether its manager has to be told or not.
#[tokio::test]
#[ignore = "needs a lab"]
async fn units_take_effect_whether_new_changed_or_overridden() {
    let (fleet, courier) = to("m1").await;
    let courier = courier.as_ref();
    let runs = async || {
        let words = "tr '\\0' ' ' </proc/$(systemctl show -P MainPID attempt)/cmdline";
        run(courier, &["sh", "-c", words]).await.1
    };
    let unit = |place: &str, sleep: u32| {
        let path = format!("{place}/attempt.service");
        let text = format!(
            "[Service]\nExecStart=/bin/sleep {sleep}\n[Install]\nWantedBy=multi-user.target\n"
        );
        (file(&path, &text), watching("attempt", &path))
    };
    // The vendor's, which is new to the manager; and one that was asked about before it was there.
    let (vendor, service) = unit("/lib/systemd/system", 8001);
    differences(courier, std::slice::from_ref(&service)).await;
    settled(courier, vec![vendor, service]).await;
    assert_eq!(runs().await, "/bin/sleep 8001");
    // One of ours in place of the vendor's.
    let (ours, service) = unit("/etc/systemd/system", 8002);
    settled(courier, vec![ours.clone(), service.clone()]).await;
    assert_eq!(runs().await, "/bin/sleep 8002");
    // A change of it.
    let (changed, _) = unit("/etc/systemd/system", 8003);
    settled(courier, vec![changed, service.clone()]).await;
    assert_eq!(runs().await, "/bin/sleep 8003");
    // A piece beside it.
    let folder = "/etc/systemd/system/attempt.service.d";
    let piece = format!("{folder}/longer.conf");
    let text = "[Service]\nExecStart=\nExecStart=/bin/sleep 8004\n";
    let below = Wish::Directory(directory::Directory {
        path: folder.to_owned(),
        mode: None,
        owner: None,
        group: None,
    });
    settled(
        courier,
        vec![below, file(&piece, text), watching("attempt", &piece)],
    )
    .await;
    assert_eq!(runs().await, "/bin/sleep 8004");
    // The manager forgets how it was linked, although it has the unit loaded.
    for enabled in [false, true] {
        let wish = self::service("attempt", enabled, true);
        settled(courier, vec![wish.clone()]).await;
        assert!(differences(courier, &[wish]).await.is_empty());
    }
    // It starts with the machine, as far as the manager is concerned.
    run(courier, &["systemctl", "daemon-reload"]).await;
    let wants = run(
        courier,
        &["systemctl", "show", "-P", "Wants", "multi-user.target"],
    )
    .await;
    assert!(wants.1.contains("attempt.service"), "{}", wants.1);
    settled(courier, vec![self::service("attempt", false, false)]).await;
    for path in [
        folder,
        "/etc/systemd/system/attempt.service",
        "/lib/systemd/system/attempt.service",
    ] {
        run(courier, &["rm", "-rf", path]).await;
    }
    run(courier, &["systemctl", "daemon-reload"]).await;
    fleet.close().await;
}

#[tokio::test]
#[ignore = "needs a lab"]
async fn says_in_the_machines_words_why_a_service_does_not_start() {
    let (fleet, courier) = to("m1").await;
    let broken = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo my own words; exit 3'\n";
    let wishes = vec![
        file("/etc/systemd/system/broken.service", broken),
        service("broken", false, true),
    ];
    let settled = settle(courier.as_ref(), wishes).await;
    assert_eq!(settled.done(), 1);
    let words = settled.failure().unwrap();
    assert!(
        words.contains("my own words") && words.contains("status=3"),
        "{words}"
    );
    let settled = settle(courier.as_ref(), vec![service("no-such", true, true)]).await;
    assert!(
        settled
            .failure()
            .unwrap()
            .contains("there is no service no-such")
    );
    let settled = settle(courier.as_ref(), vec![packages(&["no-such-package"], true)]).await;
    let words = settled.failure().unwrap();
    assert!(
        words.contains("Unable to locate package no-such-package"),
        "{words}"
    );
    fleet.close().await;
}

#[tokio::test]
#[ignore = "needs a lab"]
async fn makes_users_and_groups_and_changes_them() {
    let (fleet, courier) = to("m1").await;
    let wish = |shell: &str, groups: &[&str]| {
        Wish::User(user::User {
            name: "trial".into(),
            group: "trial".into(),
            home: "/srv/trial".into(),
            shell: shell.into(),
            groups: groups.iter().map(|name| (*name).to_owned()).collect(),
        })
    };
    let others = Wish::Group(group::Group {
        name: "others".into(),
    });
    for wish in [
        wish("/bin/sh", &[]),
        others,
        wish("/bin/false", &["others"]),
    ] {
        settled(courier.as_ref(), vec![wish.clone()]).await;
        assert_eq!(
            differences(courier.as_ref(), &[wish]).await,
            Vec::<String>::new()
        );
    }
    fleet.close().await;
}

#[tokio::test]
#[ignore = "needs a lab"]
async fn follows_a_service_that_an_init_script_starts() {
    let (fleet, courier) = to("m1").await;
    let script = "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: oldway\n# Required-Start: $local_fs\n\
                  # Required-Stop:\n# Default-Start: 2 3 4 5\n# Default-Stop: 0 1 6\n# Description: trial\n\
                  ### END INIT INFO\nexit 0\n";
    let mut wish = file("/etc/init.d/oldway", script);
    if let Wish::File(file) = &mut wish {
        file.mode = Some(0o755);
    }
    settled(courier.as_ref(), vec![wish]).await;
    for enabled in [true, false, true] {
        let wish = service("oldway", enabled, true);
        settled(courier.as_ref(), vec![wish.clone()]).await;
        assert_eq!(
            differences(courier.as_ref(), &[wish]).await,
            Vec::<String>::new()
        );
    }
    // Leaves the machine as it was for whoever tries again.
    settled(courier.as_ref(), vec![service("oldway", false, false)]).await;
    run(courier.as_ref(), &["rm", "/etc/init.d/oldway"]).await;
    run(courier.as_ref(), &["systemctl", "daemon-reload"]).await;
    fleet.close().await;
}

#[tokio::test]
#[ignore = "needs a lab"]
async fn ends_what_runs_there_at_the_deadline_and_when_given_up() {
    let (fleet, courier) = to("m1").await;
    let sleep = |seconds: &str, deadline| {
        Request::Command(Command {
            argv: vec![
                "sh".into(),
                "-c".into(),
                format!("sleep {seconds} & sleep {seconds}"),
            ],
            input: Vec::new(),
            environment: Vec::new(),
            user: None,
            deadline: Duration::from_millis(deadline),
            limit: 10,
        })
    };
    let error = courier.exchange(sleep("7101", 500)).await.unwrap_err();
    assert!(matches!(error, CourierError::Deadline { .. }), "{error}");
    let given_up = courier.exchange(sleep("7102", 60_000));
    assert!(
        tokio::time::timeout(Duration::from_millis(500), given_up)
            .await
            .is_err()
    );
    tokio::time::sleep(Duration::from_millis(500)).await;
    let left = run(
        courier.as_ref(),
        &[
            "sh",
            "-c",
            "for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$f; echo; done | grep -c '^sleep 710[12]'",
        ],
    );
    assert_eq!(left.await.1, "0");
    fleet.close().await;
}

#[tokio::test]
#[ignore = "needs a lab"]
async fn ends_what_runs_there_when_the_controller_is_killed() {
    let count =
        "for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$f; echo; done | grep -c '^sleep 7103'";
    for keep_alive in ["0", "60"] {
        let mut controller = Process::new(std::env::current_exe().unwrap())
            .args(["--exact", "sleeps_where_another_test_asks_for_it"])
            .env("CELLHOST_TEST_KEEP_ALIVE", keep_alive)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let (fleet, courier) = to("m1").await;
        let wait = async |wanted: &str| {
            for _ in 0..50 {
                if run(courier.as_ref(), &["sh", "-c", count]).await.1 == wanted {
                    return true;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            false
        };
        assert!(wait("2").await, "{keep_alive}");
        controller.kill().unwrap();
        controller.wait().unwrap();
        assert!(wait("0").await, "{keep_alive}");
        fleet.close().await;
    }
}

#[tokio::test]
async fn sleeps_where_another_test_asks_for_it() {
    if let Ok(seconds) = std::env::var("CELLHOST_TEST_KEEP_ALIVE") {
        let settings = Ssh {
            keep_alive: Duration::from_secs(seconds.parse().unwrap()),
            ..settings()
        };
        let (_fleet, courier) = courier(&settings, machine("m1", "m1"), &config()).await;
        run(courier.as_ref(), &["sh", "-c", "sleep 7103 & sleep 7103"]).await;
    }
}

#[tokio::test]
#[ignore = "needs a lab"]
async fn tells_the_stage_at_which_a_connection_failed() {
    let place = tempfile::tempdir().unwrap();
    let change = |name: &str, before: &str, after: &str| {
        let text = std::fs::read_to_string(config()).unwrap();
        let path = place.path().join(name);
        let changed = format!("{after}\n{}", text.replace(before, "#"));
        std::fs::write(&path, changed).unwrap();
        path
    };
    let unknown = change(
        "unknown",
        "UserKnownHostsFile",
        "UserKnownHostsFile /dev/null",
    );
    let no_key = change("no-key", "IdentityFile", "IdentityFile /dev/null");
    let ask = async |machine, config: &Path| {
        let (fleet, courier) = courier(&settings(), machine, config).await;
        let error = courier.exchange(Request::Machine).await.unwrap_err();
        fleet.close().await;
        error
    };
    let error = ask(machine("m1", "m1"), &unknown).await;
    assert_eq!(stage(&error), Stage::HostKey, "{error}");
    let error = ask(machine("m1", "m1"), &no_key).await;
    assert_eq!(stage(&error), Stage::Authenticate, "{error}");
    assert!(error.to_string().contains("publickey"), "{error}");
    let error = ask(machine("m1", "no-such-machine.invalid"), &config()).await;
    assert_eq!(stage(&error), Stage::Resolve, "{error}");
    let error = ask(machine("m1", "10.77.0.99"), &config()).await;
    assert_eq!(stage(&error), Stage::Connect, "{error}");
    let mut closed = machine("m1", "m1");
    closed.port = Some(1);
    let error = ask(closed, &config()).await;
    assert_eq!(stage(&error), Stage::Connect, "{error}");
}

#[tokio::test]
#[ignore = "needs a lab"]
async fn tells_that_nobody_may_become_root() {
    let (fleet, courier_) = to("m2").await;
    let script = "useradd -m -s /bin/sh plain; mkdir -p /home/plain/.ssh; \
                  cp /root/.ssh/authorized_keys /home/plain/.ssh/; chown -R plain /home/plain/.ssh; usermod -p '*' plain";
    run(courier_.as_ref(), &["sh", "-c", script]).await;
    fleet.close().await;
    let mut plain = machine("m2", "m2");
    plain.user = Some("plain".into());
    let (fleet, as_plain) = courier(&settings(), plain.clone(), &config()).await;
    let Reply::Machine(facts) = as_plain.exchange(Request::Machine).await.unwrap() else {
        panic!()
    };
    assert_ne!(facts["uid"], "0");
    let settled = settle(as_plain.as_ref(), vec![file("/etc/forbidden", "x")]).await;
    assert!(
        settled
            .failure()
            .unwrap()
            .to_lowercase()
            .contains("permission denied")
    );
    fleet.close().await;
    let become_root = Ssh {
        r#become: Some(Become {
            method: BecomeMethod::Sudo,
            password: None,
        }),
        ..settings()
    };
    let (fleet, as_root) = courier(&become_root, plain, &config()).await;
    let error = as_root.exchange(Request::Machine).await.unwrap_err();
    assert!(
        matches!(&error, CourierError::Unfit { missing, .. } if missing.contains("sudo")),
        "{error}"
    );
    fleet.close().await;
}

/// An ssh configuration with many names for m1.
fn names(place: &Path, count: usize) -> PathBuf {
    let mut text = String::from("Host n*\nHostName m1\n");
    let lab = std::fs::read_to_string(config()).unwrap();
    // The first value counts, and there is only one machine to know the key of.
    text.push_str("HostKeyAlias m1\n");
    let address = lab.split("HostName ").nth(1).unwrap();
    let address = address.lines().next().unwrap();
    text = text.replace("HostName m1", &format!("HostName {address}"));
    let path = place.join(format!("names-{count}"));
    std::fs::write(&path, format!("{text}\n{lab}")).unwrap();
    path
}

/// How many connections live that were made with this configuration.
fn living(config: &Path) -> usize {
    masters(config).len()
}

/// The processes of the connections that were made with this configuration.
fn masters(config: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let words = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = words.split(|byte| *byte == 0).collect();
        let ours = words.contains(&config.to_str().unwrap().as_bytes());
        if ours && words.contains(&b"-vfNT".as_slice()) {
            found.push(process.file_name().into_string().unwrap());
        }
    }
    found
}

fn signal(signal: &str, processes: &[String]) {
    assert!(!processes.is_empty());
    let sent = Process::new("kill").arg(signal).args(processes).status();
    assert!(sent.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a lab"]
async fn keeps_no_more_connections_than_it_may() {
    let place = tempfile::tempdir().unwrap();
    let config = names(place.path(), 24);
    let few = Ssh {
        connections: 4,
        ..settings()
    };
    let machines: Vec<Machine> = (0..24)
        .map(|number| machine(&format!("n{number}"), &format!("n{number}")))
        .collect();
    for round in 0..2 {
        let fleet = Arc::new(SshFleet::new(&few, &machines, Some(&config), None).unwrap());
        let mut asking = tokio::task::JoinSet::new();
        for machine in &machines {
            let (fleet, name) = (Arc::clone(&fleet), machine.name.clone());
            asking.spawn(async move {
                let courier = fleet.courier(&name).await.unwrap();
                for turn in 0..3 {
                    let word = format!("{name}-{turn}");
                    let said = run(courier.as_ref(), &["echo", &word]).await;
                    assert_eq!(said, (0, word));
                }
            });
        }
        let mut most = 0;
        while !asking.is_empty() {
            let next = tokio::time::timeout(Duration::from_millis(5), asking.join_next());
            if let Ok(Some(ended)) = next.await {
                ended.unwrap();
            }
            most = most.max(living(&config));
        }
        // One that connects is two for the moment in which it goes to the background.
        assert!((3..=8).contains(&most), "{most} in round {round}");
        std::io::stderr()
            .write_all(format!("at most {most}\n").as_bytes())
            .unwrap();
        fleet.close().await;
        assert!((3..=4).contains(&living(&config)), "round {round}");
    }
    // A run that may have fewer ends what is too much.
    let fewer = Ssh {
        connections: 1,
        ..settings()
    };
    let fleet = SshFleet::new(&fewer, &machines, Some(&config), None).unwrap();
    let courier = fleet.courier(&machines[0].name).await.unwrap();
    assert_eq!(run(courier.as_ref(), &["echo", "x"]).await.1, "x");
    assert_eq!(living(&config), 1);
    fleet.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a lab"]
async fn comes_back_where_too_many_are_at_the_door() {
    let (fleet, root) = to("m1").await;
    let doors = async |rule: &str| {
        let change = "printf '%s\\n' \"$1\" >/etc/ssh/sshd_config.d/doors.conf; systemctl reload ssh; sleep 1";
        let changed = run(root.as_ref(), &["sh", "-c", change, "sh", rule]).await;
        assert_eq!(changed.0, 0, "{}", changed.1);
    };
    doors("MaxStartups 2:100:2").await;
    let place = tempfile::tempdir().unwrap();
    let config = names(place.path(), 12);
    let patient = Ssh {
        connect_timeout: Duration::from_secs(20),
        ..settings()
    };
    let machines: Vec<Machine> = (0..12)
        .map(|number| machine(&format!("n{number}"), &format!("n{number}")))
        .collect();
    let many = Arc::new(SshFleet::new(&patient, &machines, Some(&config), None).unwrap());
    let mut asking = tokio::task::JoinSet::new();
    for machine in &machines {
        let (many, name) = (Arc::clone(&many), machine.name.clone());
        asking.spawn(async move {
            let courier = many.courier(&name).await.unwrap();
            courier.exchange(Request::Machine).await.map(|_| ())
        });
    }
    let answers = asking.join_all().await;
    doors("# as usual").await;
    for answer in answers {
        answer.unwrap();
    }
    many.close().await;
    fleet.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a lab"]
async fn never_takes_a_connection_from_a_request_under_way() {
    let place = tempfile::tempdir().unwrap();
    let config = names(place.path(), 2);
    let one = Ssh {
        connections: 1,
        ..settings()
    };
    let machines = [machine("n1", "n1"), machine("n2", "n2")];
    let fleet = SshFleet::new(&one, &machines, Some(&config), None).unwrap();
    let first = fleet.courier(&machines[0].name).await.unwrap();
    let second = fleet.courier(&machines[1].name).await.unwrap();
    let started = Instant::now();
    let slow = async {
        let said = run(first.as_ref(), &["sh", "-c", "sleep 2; echo whole"]).await;
        assert_eq!(said, (0, "whole".to_owned()));
    };
    let waiting = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(run(second.as_ref(), &["echo", "next"]).await.1, "next");
        assert!(started.elapsed() > Duration::from_secs(2));
        assert_eq!(run(first.as_ref(), &["echo", "back"]).await.1, "back");
    };
    tokio::join!(slow, waiting);
    assert_eq!(living(&config), 1);
    fleet.close().await;
}

#[tokio::test]
#[ignore = "needs a lab"]
async fn replaces_a_connection_that_died_or_hangs_between_requests() {
    let place = tempfile::tempdir().unwrap();
    let config = names(place.path(), 1);
    let m1 = machine("n1", "n1");
    for death in ["-KILL", "-STOP", "sshd"] {
        let (fleet, courier) = courier(&settings(), m1.clone(), &config).await;
        run(courier.as_ref(), &["rm", "-f", "/srv/count"]).await;
        if death == "sshd" {
            let (other, killing) = to("m1").await;
            let all = ["pkill", "-9", "-f", "^sshd: root@notty"];
            assert!(killing.exchange(command(&all, 5)).await.is_err());
            other.close().await;
        } else {
            signal(death, &masters(&config));
        }
        // A hung one is noticed by whoever looks after it.
        let pause = if death == "-STOP" { 18 } else { 1 };
        tokio::time::sleep(Duration::from_secs(pause)).await;
        let started = Instant::now();
        let once = ["sh", "-c", "echo x >>/srv/count; wc -l </srv/count"];
        assert_eq!(run(courier.as_ref(), &once).await.1, "1", "{death}");
        assert!(started.elapsed() < Duration::from_secs(3), "{death}");
        assert_eq!(living(&config), 1, "{death}");
        fleet.close().await;
    }
}

#[tokio::test]
#[ignore = "needs a lab"]
async fn never_repeats_a_change_whose_connection_died_or_hangs() {
    let place = tempfile::tempdir().unwrap();
    let config = names(place.path(), 1);
    for death in ["-KILL", "-STOP"] {
        let (fleet, courier) = courier(&settings(), machine("n1", "n1"), &config).await;
        run(courier.as_ref(), &["rm", "-f", "/srv/count"]).await;
        let once = ["sh", "-c", "echo x >>/srv/count; sleep 3600"];
        let change = courier.exchange(command(&once, 600));
        let dying = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            signal(death, &masters(&config));
        };
        let started = Instant::now();
        let (lost, ()) = tokio::join!(change, dying);
        let lost = lost.unwrap_err();
        assert!(lost.in_doubt(), "{lost}");
        assert!(started.elapsed() < Duration::from_secs(25), "{death}");
        assert_eq!(
            run(courier.as_ref(), &["wc", "-l", "/srv/count"]).await.1,
            "1 /srv/count",
            "{death}"
        );
        // What only looks is asked once more.
        let looking = courier.exchange(Request::Look(vec![Identity::User("root".into())]));
        signal(death, &masters(&config));
        let started = Instant::now();
        assert!(matches!(looking.await, Ok(Reply::Facts(_))), "{death}");
        assert!(started.elapsed() < Duration::from_secs(25), "{death}");
        fleet.close().await;
    }
}

/// Makes a user on m1 whose password for sudo is known, and nothing else about root.
async fn make_operator(sudoers: &str) {
    let (fleet, root) = to("m1").await;
    settled(root.as_ref(), vec![packages(&["sudo", "opendoas"], false)]).await;
    let script = "id operator >/dev/null 2>&1 || useradd -m -s /bin/bash operator; \
                  mkdir -p ~operator/.ssh; cp /root/.ssh/authorized_keys ~operator/.ssh/; \
                  chown -R operator ~operator/.ssh; echo 'operator:correct horse' | chpasswd; \
                  rm -rf /run/sudo/ts/operator; printf '%s\\n' \"$1\" >/etc/sudoers.d/operator; \
                  : >/etc/doas.conf; chmod 440 /etc/sudoers.d/operator";
    let made = run(root.as_ref(), &["sh", "-c", script, "sh", sudoers]).await;
    assert_eq!(made.0, 0, "{}", made.1);
    fleet.close().await;
}

/// Asks m1, as the operator who becomes root, who it is there and what an effect makes of it.
async fn ascend(method: BecomeMethod, password: Option<&str>) -> Result<String, CourierError> {
    let settings = Ssh {
        login_timeout: Duration::from_secs(10),
        r#become: Some(Become {
            method,
            password: None,
        }),
        ..settings()
    };
    let mut operator = machine("m1", "m1");
    operator.user = Some("operator".into());
    let password = password.map(|password| Zeroizing::new(password.to_owned()));
    let fleet = SshFleet::new(&settings, [&operator], Some(&config()), password).unwrap();
    let courier = fleet.courier(&operator.name).await.unwrap();
    let mut reply = courier.exchange(Request::Machine).await;
    if reply.is_err() {
        // Asked again, it is refused again; whether it tried again its journal tells.
        reply = courier.exchange(Request::Machine).await;
    }
    fleet.close().await;
    match reply? {
        Reply::Machine(facts) => Ok(facts.get("uid").cloned().unwrap_or_default()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
#[ignore = "needs a lab"]
async fn becomes_root_by_sudo_with_a_password_and_without() {
    make_operator("operator ALL=(ALL) ALL").await;
    let sudo = BecomeMethod::Sudo;
    assert_eq!(ascend(sudo, Some("correct horse")).await.unwrap(), "0");
    let error = ascend(sudo, None).await.unwrap_err();
    assert_eq!(stage(&error), Stage::Become, "{error}");
    assert!(
        error.to_string().contains("--ask-become-password"),
        "{error}"
    );
    let (fleet, root) = to("m1").await;
    let failures = [
        "sh",
        "-c",
        "journalctl -q --no-pager | grep -c 'pam_unix(sudo:auth): authentication failure'",
    ];
    let before: u32 = run(root.as_ref(), &failures).await.1.parse().unwrap();
    let error = ascend(sudo, Some("wrong horse")).await.unwrap_err();
    assert_eq!(stage(&error), Stage::Become, "{error}");
    assert!(error.to_string().contains("password"), "{error}");
    assert!(!error.to_string().contains("wrong horse"), "{error}");
    let after: u32 = run(root.as_ref(), &failures).await.1.parse().unwrap();
    assert_eq!(after - before, 1, "one attempt");
    let seen = ["sh", "-c", "journalctl -q --no-pager | grep -c 'horse'"];
    assert_eq!(run(root.as_ref(), &seen).await.1, "0");
    make_operator("operator ALL=(ALL) NOPASSWD: ALL").await;
    // A password that nobody asks for must not reach a shell.
    assert_eq!(ascend(sudo, Some("touch /srv/eaten")).await.unwrap(), "0");
    assert_eq!(ascend(sudo, None).await.unwrap(), "0");
    assert_ne!(run(root.as_ref(), &["test", "-e", "/srv/eaten"]).await.0, 0);
    make_operator("# nothing").await;
    let error = ascend(sudo, Some("correct horse")).await.unwrap_err();
    assert_eq!(stage(&error), Stage::Become, "{error}");
    make_operator("Defaults requiretty\noperator ALL=(ALL) ALL").await;
    let error = ascend(sudo, Some("correct horse")).await.unwrap_err();
    assert_eq!(stage(&error), Stage::Become, "{error}");
    assert!(error.to_string().contains("tty"), "{error}");
    fleet.close().await;
}

#[tokio::test]
#[ignore = "needs a lab"]
async fn becomes_root_by_doas() {
    make_operator("# nothing").await;
    let doas = BecomeMethod::Doas;
    let error = ascend(doas, None).await.unwrap_err();
    assert_eq!(stage(&error), Stage::Become, "{error}");
    let (fleet, root) = to("m1").await;
    let rule = "echo 'permit nopass operator as root' >/etc/doas.conf";
    assert_eq!(run(root.as_ref(), &["sh", "-c", rule]).await.0, 0);
    assert_eq!(ascend(doas, None).await.unwrap(), "0");
    fleet.close().await;
}

#[tokio::test]
#[ignore = "needs a lab"]
async fn holds_a_machine_to_the_key_that_the_plan_pins() {
    let place = tempfile::tempdir().unwrap();
    let (fleet, root) = to("m1").await;
    let text = run(root.as_ref(), &["cat", "/etc/ssh/ssh_host_ed25519_key.pub"]).await;
    fleet.close().await;
    let key = HostKey {
        line: Some(12),
        ..HostKey::parse(&text.1).unwrap()
    };
    let (begin, end) = key.key.split_at(40);
    let another = HostKey {
        key: format!("{begin}{}", end.chars().rev().collect::<String>()),
        ..key.clone()
    };
    // Nothing else is known of the machine here, and what is known is not asked.
    let text = std::fs::read_to_string(config()).unwrap();
    let ignorant = place.path().join("ignorant");
    std::fs::write(&ignorant, text.replace("UserKnownHostsFile", "#")).unwrap();
    for (keys, config, good) in [
        (vec![key.clone()], &ignorant, true),
        (vec![another.clone(), key], &ignorant, true),
        (vec![another], &config(), false),
    ] {
        let mut pinned = machine("m1", "m1");
        pinned.host_keys = keys;
        let (fleet, courier) = courier(&settings(), pinned, config).await;
        let started = Instant::now();
        match courier.exchange(Request::Machine).await {
            Ok(_) => assert!(good),
            Err(error) => {
                assert!(!good, "{error}");
                assert_eq!(stage(&error), Stage::HostKey, "{error}");
                assert!(error.to_string().contains("line 12 of the plan"), "{error}");
                assert!(started.elapsed() < Duration::from_secs(2));
            }
        }
        fleet.close().await;
    }
    // A key that is known to be another one is named with its place.
    let wrong = place.path().join("known");
    let known = "10.77.0.1,m1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    std::fs::write(&wrong, format!("# one line before\n{known}\n")).unwrap();
    let other = place.path().join("other");
    let first = format!("UserKnownHostsFile {}\n", wrong.display());
    std::fs::write(&other, format!("{first}{text}")).unwrap();
    let (fleet, courier) = courier(&settings(), machine("m1", "m1"), &other).await;
    let error = courier.exchange(Request::Machine).await.unwrap_err();
    assert_eq!(stage(&error), Stage::HostKey, "{error}");
    let place = format!("{}:2", wrong.display());
    assert!(error.to_string().contains(&place), "{error}");
    fleet.close().await;
}

#[tokio::test]
#[ignore = "needs a lab"]
async fn exchanges_keys_as_the_plan_says() {
    for name in ["curve25519-sha256", "diffie-hellman-group16-sha512"] {
        let chosen = Ssh {
            key_exchange: Some(name.to_owned()),
            ..settings()
        };
        let (other, courier) = courier(&chosen, machine("m1", "m1"), &config()).await;
        assert_eq!(run(courier.as_ref(), &["echo", "x"]).await.1, "x");
        other.close().await;
    }
    let unknown = Ssh {
        key_exchange: Some("never-was".to_owned()),
        ..settings()
    };
    let (other, courier) = courier(&unknown, machine("m1", "m1"), &config()).await;
    let error = courier.exchange(Request::Machine).await.unwrap_err();
    assert!(error.to_string().contains("never-was"), "{error}");
    other.close().await;
}

/// An agent with the lab's key, which ends with it.
struct Agent(std::process::Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn agent(place: &Path) -> (Agent, PathBuf) {
    let socket = place.join("agent");
    let agent = Process::new("ssh-agent")
        .args(["-D", "-a"])
        .arg(&socket)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let agent = Agent(agent);
    while !socket.exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let lab = std::fs::read_to_string(config()).unwrap();
    let key = lab.split("IdentityFile \"").nth(1).unwrap();
    let added = Process::new("ssh-add")
        .arg("-q")
        .arg(key.split('"').next().unwrap())
        .env("SSH_AUTH_SOCK", &socket)
        .status();
    assert!(added.unwrap().success());
    (agent, socket)
}

#[tokio::test]
#[ignore = "needs a lab"]
async fn goes_over_three_jump_hosts_by_an_agent_to_another_port_and_user() {
    if !lab(&["status"]) {
        return;
    }
    make_operator("# nothing").await;
    let (fleet, root) = to("m1").await;
    let port = "echo 'Port 22\nPort 2222' >/etc/ssh/sshd_config.d/ports.conf; systemctl reload ssh";
    assert_eq!(run(root.as_ref(), &["sh", "-c", port]).await.0, 0);
    fleet.close().await;
    let place = tempfile::tempdir().unwrap();
    let (_agent, socket) = agent(place.path());
    let lab_config = std::fs::read_to_string(config()).unwrap();
    let way = |name: &str, jumps: &str| {
        let text = format!(
            "Host far\nHostName 10.77.0.1\nProxyJump {jumps}\nHostKeyAlias m1\n\
             Host *\nIdentityAgent {}\n{}",
            socket.display(),
            lab_config
                .replace("IdentityFile", "#")
                .replace("IdentitiesOnly", "#")
        );
        let path = place.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let mut far = machine("far", "far");
    far.user = Some("operator".into());
    far.port = Some(2222);
    let good = way("good", "m2,m3,m4");
    let (fleet, courier_) = courier(&settings(), far.clone(), &good).await;
    let (status, words) = run(
        courier_.as_ref(),
        &["sh", "-c", "echo $USER $SSH_CONNECTION"],
    )
    .await;
    assert_eq!(status, 0);
    // The last hop is who calls.
    assert!(words.starts_with("operator 10.77.0.4 "), "{words}");
    assert!(words.ends_with(" 10.77.0.1 2222"), "{words}");
    fleet.close().await;
    let fail = async |name: &str, jumps: &str| {
        let config = way(name, jumps);
        let (fleet, courier) = courier(&settings(), far.clone(), &config).await;
        let error = courier.exchange(Request::Machine).await.unwrap_err();
        fleet.close().await;
        (stage(&error), error.to_string())
    };
    for (name, jumps, wanted, words) in [
        (
            "refused",
            "m2,m3:1,m4",
            Stage::Connect,
            "passed is `10.77.0.2`",
        ),
        ("user", "m2,nobody@m3,m4", Stage::Authenticate, "nobody@"),
        (
            "name",
            "m2,no-such.invalid,m4",
            Stage::Resolve,
            "passed is `10.77.0.2`",
        ),
    ] {
        let (stage, said) = fail(name, jumps).await;
        assert_eq!(stage, wanted, "{said}");
        assert!(said.contains(words), "{said}");
    }
    lab(&["freeze", "m3"]);
    let started = Instant::now();
    let (stage, said) = fail("frozen", "m2,m3,m4").await;
    lab(&["thaw", "m3"]);
    assert!(matches!(stage, Stage::Connect | Stage::Banner), "{said}");
    assert!(said.contains("passed is `10.77.0.2`"), "{said}");
    assert!(started.elapsed() < Duration::from_secs(12));
}

#[tokio::test]
#[ignore = "needs a lab"]
async fn notices_a_machine_that_freezes_in_the_middle_of_an_effect() {
    if !lab(&["status"]) {
        return;
    }
    let alert = Ssh {
        silence: Duration::from_secs(8),
        ..settings()
    };
    let (fleet, courier) = courier(&alert, machine("m2", "10.77.0.2"), &config()).await;
    // A program that says nothing is no machine that says nothing.
    assert_eq!(
        run(courier.as_ref(), &["sh", "-c", "sleep 12; echo slow"])
            .await
            .1,
        "slow"
    );
    let change = courier.exchange(command(&["sleep", "3600"], 600));
    let freezing = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        lab(&["freeze", "m2"]);
    };
    let started = Instant::now();
    let (lost, ()) = tokio::join!(change, freezing);
    let took = started.elapsed();
    lab(&["thaw", "m2"]);
    let lost = lost.unwrap_err();
    assert!(lost.in_doubt(), "{lost}");
    assert!(lost.to_string().contains("not responding"), "{lost}");
    assert!(took < Duration::from_secs(14), "{took:?}");
    fleet.close().await;
}

#[tokio::test]
#[ignore = "needs a lab"]
async fn survives_machines_that_freeze_and_lose_power() {
    if !lab(&["status"]) {
        return;
    }
    let cold = Ssh {
        keep_alive: Duration::ZERO,
        ..settings()
    };
    lab(&["freeze", "m2"]);
    for settings in [&settings(), &cold] {
        let (fleet, courier) = courier(settings, machine("m2", "m2"), &config()).await;
        let started = Instant::now();
        let error = courier.exchange(Request::Machine).await.unwrap_err();
        assert_eq!(stage(&error), Stage::Banner, "{error}");
        assert!(started.elapsed() < Duration::from_secs(10));
        fleet.close().await;
    }
    lab(&["thaw", "m2"]);
    let (fleet, courier) = to("m2").await;
    assert_eq!(run(courier.as_ref(), &["echo", "there"]).await.1, "there");
    fleet.close().await;
    // The connection that stands is silent now; a new run has to notice.
    lab(&["freeze", "m2"]);
    let (fleet, courier) = to("m2").await;
    let started = Instant::now();
    let error = courier.exchange(Request::Machine).await.unwrap_err();
    assert_eq!(stage(&error), Stage::Banner, "{error}");
    assert!(started.elapsed() < Duration::from_secs(15));
    fleet.close().await;
    lab(&["thaw", "m2"]);
    let (fleet, courier) = to("m2").await;
    assert_eq!(run(courier.as_ref(), &["echo", "there"]).await.1, "there");
    lab(&["kill", "m2"]);
    lab(&["start", "m2"]);
    let started = Instant::now();
    let look = Request::Look(vec![Identity::User("root".into())]);
    let reply = courier.exchange(look).await;
    assert!(matches!(reply, Ok(Reply::Facts(_))), "{reply:?}");
    assert!(started.elapsed() < Duration::from_secs(15));
    fleet.close().await;
    let (fleet, courier) = to("m2").await;
    assert_eq!(run(courier.as_ref(), &["echo", "again"]).await.1, "again");
    fleet.close().await;
}

#[tokio::test]
#[ignore = "needs a lab; prints what an exchange costs"]
async fn costs_little_more_than_plain_ssh() {
    let (fleet, courier) = to("m1").await;
    let script = "mkdir -p /srv/cost; for i in $(seq 40); do head -c 2000 /dev/urandom | base64 >/srv/cost/$i; done";
    run(courier.as_ref(), &["sh", "-c", script]).await;
    fleet.close().await;
    for services in [&[][..], &["ssh", "cron"]] {
        Costs::of(services).await.show();
    }
}

/// What the same look costs in different ways.
#[derive(Default)]
struct Costs {
    services: usize,
    /// `ssh m1 sh -s`, and a courier with a connection of its own.
    cold: (Vec<Duration>, Vec<Duration>),
    /// The same through a connection that stands.
    warm: (Vec<Duration>, Vec<Duration>),
    /// Another exchange of the same courier.
    next: Vec<Duration>,
}

impl Costs {
    async fn of(services: &[&str]) -> Self {
        let list: Vec<Identity> = (1..=40)
            .map(|name| Identity::Path {
                path: format!("/srv/cost/{name}"),
                hash: true,
            })
            .chain(
                services
                    .iter()
                    .map(|name| Identity::Service(service::Watch::none(*name))),
            )
            .collect();
        let apart = Ssh {
            keep_alive: Duration::ZERO,
            ..settings()
        };
        let path = std::env::temp_dir().join("cellhost-cost");
        let path = format!("ControlPath={}", path.display());
        let through = [
            "-o",
            &path,
            "-o",
            "ControlMaster=auto",
            "-o",
            "ControlPersist=10",
        ];
        plain_look(&through, services);
        let mut costs = Self {
            services: services.len(),
            ..Self::default()
        };
        for _ in 0..11 {
            costs
                .cold
                .0
                .push(plain_look(&["-o", "ControlPath=none"], services));
            let (fleet, cold) = courier(&apart, machine("m1", "m1"), &config()).await;
            costs.cold.1.push(timed_look(cold.as_ref(), &list).await);
            fleet.close().await;
            costs.warm.0.push(plain_look(&through, services));
            let (fleet, warm) = to("m1").await;
            costs.warm.1.push(timed_look(warm.as_ref(), &list).await);
            costs.next.push(timed_look(warm.as_ref(), &list).await);
            fleet.close().await;
        }
        costs
    }

    fn show(mut self) {
        let median = |all: &mut Vec<Duration>| {
            all.sort();
            all.get(all.len() / 2).copied().unwrap_or_default()
        };
        let text = format!(
            "40 paths and {} services: cold ssh {:?}, courier {:?}; warm ssh {:?}, courier {:?}, again {:?}\n",
            self.services,
            median(&mut self.cold.0),
            median(&mut self.cold.1),
            median(&mut self.warm.0),
            median(&mut self.warm.1),
            median(&mut self.next),
        );
        std::io::stderr().write_all(text.as_bytes()).unwrap();
    }
}

async fn timed_look(courier: &dyn Courier, list: &[Identity]) -> Duration {
    let started = Instant::now();
    let reply = courier.exchange(Request::Look(list.to_vec())).await;
    let took = started.elapsed();
    let Reply::Facts(facts) = reply.unwrap() else {
        panic!()
    };
    let hashed = |facts: &&Facts| matches!(facts, Facts::Path(facts) if facts.hash.is_some());
    assert_eq!(facts.iter().filter(hashed).count(), 40);
    took
}

fn plain_look(options: &[&str], services: &[&str]) -> Duration {
    let paths: Vec<String> = (1..=40).map(|name| format!(" /srv/cost/{name}")).collect();
    let paths = paths.concat();
    let mut script = format!("stat -c '%f %u %g %s %U %G %n'{paths}\nsha256sum{paths}\n");
    if !services.is_empty() {
        script.push_str("systemctl show -p Id,LoadState,ActiveState,UnitFileState ");
        script.push_str(&services.join(" "));
    }
    let started = Instant::now();
    let mut child = Process::new("ssh")
        .arg("-F")
        .arg(config())
        .args(options)
        .args(["m1", "sh -s"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    started.elapsed()
}

#[path = "ssh/system.rs"]
mod system;
