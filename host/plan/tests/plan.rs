//! A plan that is right is read as it is meant.

#![expect(
    clippy::panic,
    reason = "a test that cannot set up its case has failed"
)]

use std::path::PathBuf;
use std::time::Duration;

use cellhost_plan::{Barrier, BecomeMethod, Ensemble, Grants, HostKeys, Plan, SecretSource};
use serde_json::json;

const ORDERS: &str = include_str!("orders.toml");

fn orders() -> Plan {
    match Plan::parse("cells/orders.toml", ORDERS) {
        Ok(plan) => plan,
        Err(wrong) => panic!("{}", wrong.render(false)),
    }
}

fn names<T: ToString>(list: impl IntoIterator<Item = T>) -> Vec<String> {
    list.into_iter().map(|one| one.to_string()).collect()
}

#[test]
fn reads_how_machines_are_reached() {
    let plan = orders();
    assert_eq!(plan.cell, "orders");
    assert_eq!(plan.ssh.config, Some(PathBuf::from("cells/ssh_config")));
    assert_eq!(plan.ssh.identity, Some(PathBuf::from("cells/keys/id")));
    assert_eq!(plan.ssh.host_keys, HostKeys::AcceptNew);
    assert_eq!(plan.ssh.parallel, 20);
    assert_eq!(plan.ssh.connect_timeout, Duration::from_secs(5));
    assert_eq!(plan.ssh.keep_alive, Duration::from_mins(90));
    let r#become = plan.ssh.r#become.unwrap();
    assert_eq!(r#become.method, BecomeMethod::Sudo);
    assert_eq!(r#become.password.unwrap(), "sudo-password");
}

#[test]
fn reads_where_secrets_come_from() {
    let plan = orders();
    let sources: Vec<_> = plan.secrets.into_values().collect();
    let env = SecretSource::Env("REDIS_PASSWORD".into());
    assert_eq!(
        sources,
        [env, SecretSource::File("cells/secrets/sudo".into())]
    );
}

#[test]
fn expands_machines_in_plan_order_and_finds_them_by_name() {
    let plan = orders();
    assert_eq!(
        names(plan.machines.iter().map(|one| &one.name)),
        ["m1", "db1", "db2", "db3"]
    );
    let machine = plan.machine("db2").unwrap();
    assert_eq!(machine.address, "10.0.0.22");
    assert_eq!(machine.user.as_deref(), Some("admin"));
    assert_eq!(machine.port, Some(22));
    assert_eq!(
        plan.machine(&plan.machines[0].name)
            .unwrap()
            .user
            .as_deref(),
        Some("root")
    );
    assert_eq!(plan.machine("db4"), None);
}

#[test]
fn gives_members_what_their_group_says_unless_they_say_it_themselves() {
    let plan = orders();
    let m1 = plan.machine("m1").unwrap();
    assert_eq!(names(&m1.roles), ["nucleus", "redis"]);
    assert_eq!(m1.zone.as_deref(), Some("a"));
    assert_eq!(m1.variables["disk"], json!("/dev/sdb"));
    assert_eq!(m1.tags["rack"], "a");
    let db1 = plan.machine("db1").unwrap();
    assert_eq!(db1.zone.as_deref(), Some("b"));
    assert_eq!(db1.variables["disk"], json!("/dev/sda"));
    assert!(plan.machine("db3").unwrap().groups.is_empty());
}

#[test]
fn resolves_what_modules_run_on_and_wait_for() {
    let plan = orders();
    let zookeeper = plan.module("zookeeper").unwrap();
    assert_eq!(zookeeper.module.to_string(), "cellhost:zookeeper");
    assert_eq!(zookeeper.requirement.to_string(), "*");
    assert_eq!(names(&zookeeper.machines), ["m1", "db1", "db2"]);
    assert_eq!(zookeeper.settings, json!({}));
    let redis = plan.module("redis").unwrap();
    assert_eq!(redis.module.to_string(), "acme:redis-cluster");
    assert_eq!(names(&redis.machines), ["m1", "db3"]);
    assert_eq!(redis.phase.as_ref().unwrap(), "post-zk");
    let waits = redis.after_span(&zookeeper.name).unwrap();
    assert_eq!(plan.source.slice(waits), "\"zookeeper\"");
    assert_eq!(redis.after_span(&redis.name), None);
    assert_eq!(names(&redis.after), ["zookeeper"]);
    assert_eq!(names(&redis.secrets), ["redis-password"]);
    assert_eq!(redis.ordinals["m1"], 7);
    assert_eq!(redis.settings["nodes"][0]["weight"], json!(0.5));
}

fn small(head: &str, rest: &str) -> Plan {
    let machines = "[machines]\n\"m[1-3]\" = { address = \"10.0.0.[1-3]\" }\n";
    let text = format!("cell = \"x\"\n{head}\n{machines}{rest}\n");
    match Plan::parse("plan.toml", &text) {
        Ok(plan) => plan,
        Err(wrong) => panic!("{}", wrong.render(false)),
    }
}

#[test]
fn has_two_phases_unless_it_names_more() {
    let modules = "[modules.a]\non = \"all\"\n";
    assert_eq!(names(&small("", modules).phases), ["pre-zk", "post-zk"]);
    let list = "phases = [\"base\", \"pre-zk\", \"middle\", \"post-zk\", \"apps\"]";
    let plan = small(list, "[modules.a]\non = \"all\"\nphase = \"apps\"\n");
    let phases = ["base", "pre-zk", "middle", "post-zk", "apps"];
    assert_eq!(names(&plan.phases), phases);
    assert_eq!(plan.modules[0].phase.as_ref().unwrap(), "apps");
    let behind = plan
        .phases
        .iter()
        .filter(|phase| plan.phases.is_behind_barrier(phase));
    assert_eq!(names(behind), ["post-zk", "apps"]);
}

#[test]
fn stands_at_a_barrier_unless_it_says_otherwise() {
    let modules = "[modules.zk-a]\non = \"all\"\n";
    assert_eq!(small("", modules).barrier, Barrier::default());
    assert_eq!(Barrier::default().rounds, 10);
    assert_eq!(Barrier::default().interval, Duration::from_millis(500));
    assert_eq!(Barrier::default().timeout, Duration::from_mins(10));
    assert!(small("barrier = false", modules).barrier.off);
    assert!(!small("barrier = true", modules).barrier.off);
    let named = "[barrier]\nensemble = \"zk-a\"\nrounds = 3\ninterval = \"50ms\"\n\
                 timeout = \"30s\"\nseen-from = [\"m2\", \"m1\"]";
    let barrier = small(named, modules).barrier;
    let Some(Ensemble::Instance(name)) = &barrier.ensemble else {
        panic!("{barrier:?}");
    };
    assert_eq!(*name, "zk-a");
    assert_eq!((barrier.rounds, barrier.interval.as_millis()), (3, 50));
    assert_eq!(barrier.timeout, Duration::from_secs(30));
    assert_eq!(names(&barrier.seen_from), ["m1", "m2"]);
    let there = "[barrier]\nservers = [\"10.0.0.9:2181\", \"[fe80::1]:2182\"]";
    let Some(Ensemble::Servers(servers)) = small(there, modules).barrier.ensemble else {
        panic!("no servers");
    };
    assert_eq!(servers.to_string(), "10.0.0.9:2181,[fe80::1]:2182");
}

#[test]
fn finds_the_place_of_a_setting_or_of_the_nearest_around_it() {
    let plan = orders();
    let redis = plan.module("redis").unwrap();
    let at = |pointer: &str| plan.source.slice(redis.span_of(pointer));
    assert_eq!(at("/port"), "7000");
    assert_eq!(at("/nodes/0/weight"), "0.5");
    assert_eq!(at("/nodes/0/a~1b"), "true");
    assert_eq!(
        at("/nodes/0/absent/deeper"),
        "{ weight = 0.5, \"a/b\" = true }"
    );
    assert_eq!(at("/absent"), "[modules.redis.settings]");
    assert_eq!(at(""), "[modules.redis.settings]");
    assert_eq!(
        plan.source.slice(redis.key_span_of("/nodes/0/a~1b")),
        "\"a/b\""
    );
    let zookeeper = plan.module("zookeeper").unwrap();
    assert_eq!(plan.source.slice(zookeeper.span_of("/port")), "zookeeper");
}

#[test]
fn warns_of_nothing_in_a_plan_that_is_right() {
    assert_eq!(orders().warnings, []);
}

#[test]
fn loads_a_file_and_says_which_one_it_cannot_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.toml");
    std::fs::write(&path, ORDERS).unwrap();
    let plan = Plan::load(&path).unwrap();
    assert_eq!(plan.ssh.config, Some(folder.path().join("ssh_config")));
    let absent = folder.path().join("absent.toml");
    let error = Plan::load(&absent).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot read `{}`", absent.display())
    );
}

#[test]
fn reads_what_modules_may_do() {
    let text = r#"
cell = "orders"

[rules]
untouched = ["/etc/ssh/"]
hours = "22:00-04:00 UTC"
machines = 3

[machines]
m1 = { address = "10.0.0.1" }

[modules.all]
on = "all"
grants = "asked"
links = ["/data/mysql"]

[modules.some]
on = "all"
grants = { paths = ["/etc/some"], commands = [["ls", "**"]], dial = ["7000-7005"] }

[modules.pasted]
on = "all"

[[modules.pasted.grants]]
why = "as it was printed"
services = ["some"]

[[modules.pasted.grants]]
become = true

[modules.unsaid]
on = "all"
"#;
    let plan = Plan::parse("plan.toml", text).unwrap();
    let grants = |name: &str| plan.module(name).unwrap().grants.clone();
    assert_eq!(grants("all"), Some(Grants::Asked));
    assert_eq!(grants("unsaid"), None);
    assert_eq!(names(&plan.module("all").unwrap().links), ["/data/mysql"]);
    let Some(Grants::Only(some)) = grants("some") else {
        panic!("no grants");
    };
    assert!(some.allows_write("/etc/some/x") && !some.allows_write("/etc/someone"));
    assert!(some.allows_command(&["ls", "-l"]) && some.allows_dial(7005) && !some.allows_become());
    let Some(Grants::Only(pasted)) = grants("pasted") else {
        panic!("no grants");
    };
    assert!(pasted.allows_service("some") && pasted.allows_become());
    assert_eq!(names(&plan.rules.untouched), ["/etc/ssh"]);
    assert_eq!(names(plan.rules.hours), ["22:00-04:00 UTC"]);
    assert_eq!(plan.rules.machines, Some(3));
}

#[test]
fn reads_every_source_of_a_secret() {
    let text = "cell = \"orders\"\n[secrets]\na = { exec = [\"pass\", \"show\", \"x\"] }\n\
                b = { age = \"b.age\", identity = \"~/key\" }\n\
                c = { sops = \"c.yaml\", key = [\"redis\", \"pass word\"] }\nd = { prompt = true }\n\
                [machines]\nm1 = { address = \"10.0.0.1\" }\n";
    let plan = Plan::parse("cells/plan.toml", text).unwrap();
    let sources: Vec<_> = plan.secrets.into_values().collect();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let wanted = [
        SecretSource::Exec {
            words: words(&["pass", "show", "x"]),
            folder: "cells".into(),
        },
        SecretSource::Age {
            file: "cells/b.age".into(),
            identity: "~/key".into(),
        },
        SecretSource::Sops {
            file: "cells/c.yaml".into(),
            key: words(&["redis", "pass word"]),
        },
        SecretSource::Prompt,
    ];
    assert_eq!(sources, wanted);
    assert!(!sources.iter().any(SecretSource::is_at_hand));
}
