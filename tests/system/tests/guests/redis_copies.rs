//! The module `redis-cluster` where a master has lost its data: who has a copy takes over before the
//! master starts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use cellhost_effects::{AgreedChange, Answer, Certainty, Hook, Word};
use cellhost_runtime::TurnError;
use cellhost_transport::{Package, SimulatedService};

use crate::greeting;
use crate::stage::{Mode, NAMES, Stage, context, deploy};

const PLAN: &str = "[secrets]\nredis = { env = \"REDIS\" }\n\n[modules.redis-cluster]\n\
                    on = \"all\"\nsettings = { password = { secret = \"redis\" } }\n";
const SERVICE: &str = "redis-server@7000";
/// What starts it with its data, and what it is without.
const IDENTITY: &str = "/var/lib/redis/7000/nodes-7000.conf";
const SEAL: &str = "/var/lib/redis/7000/data-is-here.conf";

/// Three masters, of which the second does not run, and its replica at an address. All others are left
/// out: they do not answer.
fn stage(replica: &str) -> Result<(Stage, Arc<AtomicBool>)> {
    stage_where(replica, true)
}

/// The same, where the replica may be one that is stopped.
fn stage_where(replica: &str, is_up: bool) -> Result<(Stage, Arc<AtomicBool>)> {
    let stage = Stage::knowing(&[("redis", "open-sesame")])?;
    let has_inherited: Arc<AtomicBool> = Arc::default();
    let has_started = Arc::new(AtomicBool::new(is_up));
    let nodes = [
        ("a1", "10.0.0.1:7000", "master -", "0-5460"),
        ("a2", "10.0.0.2:7000", "master -", "5461-10922"),
        ("a3", "10.0.0.3:7000", "master -", "10923-16383"),
        ("b2", replica, "slave a2", ""),
    ];
    for (number, machine) in (1..).zip(stage.fleet.machines()) {
        let redis = Package::new("7.0.15")
            .with_user("redis")
            .with_file("/etc/redis/redis.conf", "")
            .with_file("/var/lib/redis/.keep", "")
            .with_service("redis-server")
            .with_service(SERVICE)
            .with_service("redis-server@7001");
        machine.state().offer("redis-server", redis);
        machine.state().offer("redis-tools", Package::new("7.0.15"));
        machine.state().write("/etc/sysctl.d/README", "");
        machine.answer(&["sysctl", "-n", "vm.overcommit_memory"], |_, _| {
            "1\n".into()
        });
        machine.answer(&["sleep", "1"], |_, _| 0.into());
        machine.answer(&["test", "-e", "*"], |state, command| {
            let path = command.argv.last().map_or("", String::as_str);
            i32::from(state.read(path).is_none()).into()
        });
        let started = has_started.clone();
        machine.start("redis-server@7001", move |_| {
            started.store(true, Ordering::Relaxed);
            Ok(())
        });
        let (inherited, started) = (has_inherited.clone(), has_started.clone());
        let nodes = nodes.map(|(id, address, role, slots)| (id, address.to_owned(), role, slots));
        machine.answer(&["redis-cli", "-e", "-p", ".."], move |_, command| {
            let words: Vec<&str> = command.argv.iter().skip(3).map(String::as_str).collect();
            let (port, words) = words.split_first().expect("a port");
            let own = format!("10.0.0.{number}:{port}");
            let runs = |(id, address, ..): &&(&str, String, &str, &str)| {
                let is_up = *id != "b2" || started.load(Ordering::Relaxed);
                *address == own && *id != "a2" && is_up
            };
            let Some((id, ..)) = nodes.iter().find(runs) else {
                return Answer {
                    status: 1,
                    output: Vec::new(),
                    errors: format!("Could not connect to Redis at 127.0.0.1:{port}\n").into(),
                };
            };
            match words {
                ["CLUSTER", "NODES"] => {
                    let line = |(other, address, role, slots): &(&str, String, &str, &str)| {
                        let flag = if other == id { "myself," } else { "" };
                        format!("{other} {address}@0 {flag}{role} 0 0 1 connected {slots}\n")
                    };
                    nodes.iter().map(line).collect::<String>().as_str().into()
                }
                ["CLUSTER", "FAILOVER", "FORCE"] if *id == "b2" => {
                    inherited.store(true, Ordering::Relaxed);
                    "OK\n".into()
                }
                ["PING"] => "PONG\n".into(),
                ["CLUSTER", "INFO"] => "cluster_state:ok\r\n".into(),
                ["INFO", ..] if inherited.load(Ordering::Relaxed) => "role:master\r\n".into(),
                _ => "\n".into(),
            }
        });
        let inherited = has_inherited.clone();
        machine.start(SERVICE, move |state| {
            if state.read(IDENTITY).is_none() && !inherited.load(Ordering::Relaxed) {
                return Err("it starts empty beside a replica that follows it".to_owned());
            }
            Ok(())
        });
    }
    Ok((stage, has_inherited))
}

/// Applies the module to the second machine, whose configuration stands and whose data is gone.
async fn applied(stage: &Stage) -> Result<Result<(), TurnError>> {
    let deployment = deploy(PLAN).await?;
    let placed = deployment.modules.first().context("a module")?;
    let m2 = stage.fleet.machine("m2").context("m2")?;
    m2.state()
        .write("/etc/redis/redis-7000.conf", "port 7000\n");
    let effects = stage.stack(Mode::Real, &stage.journal()?)?;
    let context = context(placed, Hook::Apply, Some("m2"), effects);
    Ok(placed.module.apply(context).await.map(drop))
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_copy_takes_over_before_one_without_its_data_starts() -> Result<()> {
    let (stage, has_inherited) = stage("10.0.0.3:7001")?;
    applied(&stage).await??;
    assert!(has_inherited.load(Ordering::Relaxed));
    let m2 = stage.fleet.machine("m2").context("m2")?;
    assert!(m2.state().service(SERVICE).is_some_and(|one| one.running));
    assert!(m2.state().read(SEAL).is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_stopped_is_started_first() -> Result<()> {
    let (stage, has_inherited) = stage_where("10.0.0.3:7001", false)?;
    let kept = "b2 10.0.0.3:7001@17001 myself,slave a2 0 0 2 connected\n\
                a2 10.0.0.2:7000@17000 master - 0 0 2 connected 5461-10922\n";
    let m3 = stage.fleet.machine("m3").context("m3")?;
    {
        let mut state = m3.state();
        state.write("/etc/redis/redis-7001.conf", "port 7001\n");
        state.write("/var/lib/redis/7001/nodes-7001.conf", kept);
        let services = &mut state.services;
        services.insert("redis-server@7001".to_owned(), SimulatedService::default());
    }
    applied(&stage).await??;
    let runs = |one: Option<SimulatedService>| one.is_some_and(|one| one.running);
    assert!(runs(m3.state().service("redis-server@7001")));
    assert!(has_inherited.load(Ordering::Relaxed));
    let m2 = stage.fleet.machine("m2").context("m2")?;
    assert!(runs(m2.state().service(SERVICE)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_without_its_data_is_not_started_while_the_only_copy_does_not_answer() -> Result<()> {
    let (stage, has_inherited) = stage("10.0.0.9:7001")?;
    let Err(error) = applied(&stage).await? else {
        panic!("it is started");
    };
    let words = error.to_string();
    assert!(
        words.contains(
            "refused: m2:7000 has lost its data, and 10.0.0.9:7001, which has a copy, does not \
             answer: if m2:7000 started empty now, that copy would be emptied after it. Bring \
             10.0.0.9:7001 back first; or, where its data is gone as well, let the others forget it \
             by `redis-cli --cluster call 10.0.0.1:7000 CLUSTER FORGET b2`"
        ),
        "{words}"
    );
    assert!(!has_inherited.load(Ordering::Relaxed));
    let m2 = stage.fleet.machine("m2").context("m2")?;
    assert!(m2.state().read(SEAL).is_none());
    for name in NAMES {
        let machine = stage.fleet.machine(name).context("a machine")?;
        assert!(machine.state().service(SERVICE).is_none(), "{name}");
    }
    Ok(())
}

/// Another module goes first, and has something to change on all machines: from then on none of their
/// programs is asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_behind_another_module_tells_by_the_disks_who_would_take_over() -> Result<()> {
    let (stage, _) = stage("10.0.0.3:7001")?;
    let all = [
        (
            "a1",
            "10.0.0.1:7000@17000",
            "master - 0 0 1 connected 0-5460",
        ),
        (
            "a2",
            "10.0.0.2:7000@17000",
            "master - 0 0 2 connected 5461-10922",
        ),
        (
            "a3",
            "10.0.0.3:7000@17000",
            "master - 0 0 3 connected 10923-16383",
        ),
        ("b2", "10.0.0.3:7001@17001", "slave a2 0 0 2 connected"),
    ];
    for (name, port, own) in [("m1", 7000, "a1"), ("m3", 7000, "a3"), ("m3", 7001, "b2")] {
        let lines = all.map(|(id, address, rest)| {
            let myself = if id == own { "myself," } else { "" };
            format!("{id} {address} {myself}{rest}\n")
        });
        let kept = format!("{}vars currentEpoch 6 lastVoteEpoch 0\n", lines.concat());
        let machine = stage.fleet.machine(name).context("a machine")?;
        let path = format!("/var/lib/redis/{port}/nodes-{port}.conf");
        machine.state().write(&path, kept);
    }
    let m2 = stage.fleet.machine("m2").context("m2")?;
    m2.state()
        .write("/etc/redis/redis-7000.conf", "port 7000\n");
    let other = greeting::plan("greeting-rust");
    let plan = PLAN.replace("on = \"all\"", "on = \"all\"\nafter = [\"greeting-rust\"]");
    let agreement = stage
        .foreseen(&deploy(&[plan, other].concat()).await?)
        .await?;

    let mut takeovers = 0;
    for effect in &agreement.effects {
        let all: Vec<Certainty> = match &effect.change {
            AgreedChange::Settles(wishes) => wishes.iter().map(|wish| wish.certainty).collect(),
            AgreedChange::Runs(command) => {
                let ends = [Word::Known("FAILOVER".into()), Word::Known("FORCE".into())];
                takeovers += usize::from(command.argv.ends_with(&ends));
                vec![command.certainty]
            }
        };
        assert!(!all.contains(&Certainty::Unknown), "{effect:?}");
    }
    assert!(takeovers > 0, "{agreement:?}");
    Ok(())
}
