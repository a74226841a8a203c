//! A manifest that is right is read as it is meant, and its asks answer what they were asked.

#![expect(
    clippy::panic,
    reason = "a test that cannot set up its case has failed"
)]

use cellhost_manifest::{Asks, Manifest, OutputKind};
use cellhost_plan::Phase;

fn redis() -> Manifest {
    Manifest::parse("module.toml", include_str!("redis-cluster.toml")).unwrap_or_else(|wrong| {
        panic!("{}", wrong.render(false));
    })
}

#[test]
fn reads_what_a_module_says_of_itself() {
    let manifest = redis();
    assert_eq!(manifest.id().to_string(), "cellhost:redis-cluster");
    assert_eq!(manifest.version.to_string(), "0.1.0");
    assert_eq!(manifest.license.as_deref(), Some("Apache-2.0 OR MIT"));
    assert_eq!(manifest.phase, Phase::PostZk);
    let requires: Vec<String> = manifest.requires.iter().map(ToString::to_string).collect();
    assert_eq!(requires, ["zookeeper.connect", "acme:vault.address"]);
    let provides: Vec<(&str, OutputKind)> = manifest
        .provides
        .iter()
        .map(|(name, kind)| (name.as_str(), *kind))
        .collect();
    assert_eq!(provides, [("connect", OutputKind::Text)]);
    let reasons: Vec<&str> = manifest.asks.iter().map(|ask| ask.why.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "its configuration and data",
            "to install, start and join the members"
        ]
    );
}

#[test]
fn reads_the_types_of_outputs() {
    let text =
        "name = \"a\"\nversion = \"1.0.0\"\n[provides]\nconnect = \"servers\"\nweb = \"url\"\n";
    let manifest = Manifest::parse("module.toml", text).unwrap();
    assert_eq!(manifest.provides["connect"], OutputKind::Servers);
    assert_eq!(manifest.provides["web"], OutputKind::Url);
    let written = serde_json::to_value(&manifest).unwrap();
    assert_eq!(
        written["provides"],
        serde_json::json!({"connect": "servers", "web": "url"})
    );
}

#[test]
fn lets_a_small_manifest_leave_the_rest_out() {
    let manifest =
        Manifest::parse("module.toml", "name = \"a\"\nversion = \"1.0.0-rc.1\"").unwrap();
    assert_eq!(manifest.namespace, "cellhost");
    assert!(manifest.asks.is_empty());
}

#[test]
fn writes_below_what_was_asked_for_and_reads_what_may_be_written() {
    let asks = redis().asks;
    let table = [
        ("/etc/redis", true, true),
        ("/etc/redis/redis.conf", true, true),
        ("/proc/meminfo", false, true),
        ("/proc/meminfo2", false, false),
        ("/etc/redis/../passwd", false, false),
        ("/etc", false, false),
    ];
    for (path, write, read) in table {
        assert_eq!(
            (asks.allows_write(path), asks.allows_read(path)),
            (write, read),
            "{path}"
        );
    }
}

#[test]
fn runs_what_was_asked_for() {
    let asks = redis().asks;
    assert!(asks.allows_command(&["redis-cli", "-p", "7000"]));
    assert!(asks.allows_command(&["systemctl".to_owned(), "status".to_owned(), "x".to_owned()]));
    assert!(!asks.allows_command(&["systemctl", "stop", "x"]));
    assert!(!asks.allows_command(&["/tmp/redis-cli"]));
    assert!(!asks.allows_command::<&str>(&[]));
}

#[test]
fn touches_packages_services_users_and_groups_that_were_asked_for() {
    let asks = redis().asks;
    assert!(asks.allows_package("redis-server"));
    assert!(!asks.allows_package("redis"));
    assert!(asks.allows_service("redis-server@7000"));
    assert!(!asks.allows_service("redis-server@../x"));
    assert!(asks.allows_user("redis") && !asks.allows_user("root"));
    assert!(asks.allows_group("redis") && !asks.allows_group("sudo"));
}

#[test]
fn dials_the_ports_that_were_asked_for() {
    let asks = redis().asks;
    let found = [22, 7000, 7001, 7002, 17000].map(|port| asks.allows_dial(port));
    assert_eq!(found, [false, true, true, false, true]);
}

#[test]
fn denies_everything_to_a_module_that_asks_for_nothing() {
    let asks = Asks::default();
    assert!(!asks.allows_write("/"));
    assert!(!asks.allows_read("/"));
    assert!(!asks.allows_command(&["true"]));
    assert!(!asks.allows_package("a") && !asks.allows_service("a"));
    assert!(!asks.allows_user("a") && !asks.allows_group("a"));
    assert!(!asks.allows_dial(1) && !asks.allows_become());
    assert!(redis().asks.allows_become());
}

#[test]
fn loads_a_file_and_says_which_one_it_cannot_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("module.toml");
    std::fs::write(&path, include_str!("redis-cluster.toml")).unwrap();
    assert_eq!(Manifest::load(&path).unwrap(), redis());
    let absent = folder.path().join("absent.toml");
    let error = Manifest::load(&absent).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot read `{}`", absent.display())
    );
}

#[test]
fn writes_every_ask_as_it_reads_it() {
    let text = "name = \"a\"\nversion = \"1.0.0\"\n[[asks]]\nwhy = \"all\"\nkernel-modules = [\"dummy\"]\n\
                mounts = [\"/srv\"]\nsysctl = [\"vm.*\"]\nurls = [\"https://a.org/*\"]\ncron = [\"a\"]\n\
                containers = [\"a\"]\nimages = [\"a.org/*\"]\n";
    let asks = Manifest::parse("module.toml", text).unwrap().asks;
    let written = serde_json::to_value(&asks).unwrap();
    let keys = ["kernel-modules", "mounts", "sysctl", "urls", "cron"];
    for key in keys.into_iter().chain(["containers", "images"]) {
        let list = written.pointer(&format!("/0/{key}"));
        let held = list.and_then(|list| list.as_array());
        assert!(
            held.is_some_and(|held| held.len() == 1),
            "{key} in {written}"
        );
    }
}
