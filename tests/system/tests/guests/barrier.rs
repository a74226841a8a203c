//! Whole runs that come to a barrier: what stands behind it begins when it holds, or not at all.

use anyhow::{Context as _, Result};
use cellhost_engine::{Status, stand_at_barrier};
use cellhost_transport::{DialOutcome, Request};

use tokio::sync::mpsc;

use crate::stage::{Mode, NAMES, Stage, deploy};

/// A module before the barrier and one behind it, in phases of the plan's own.
const PLAN: &str = r#"
[barrier]
servers = ["zk1:2181", "zk2:2182", "zk3:2183"]
interval = "10ms"
timeout = "1s"

[modules.greeting-rust]
on = "m1"
phase = "pre-zk"
settings = { greeting = "before", path = "/etc/greeting/before" }

[modules.greeting-c]
on = "m2"
settings = { greeting = "behind", path = "/etc/greeting/behind" }
"#;

fn answering(stage: &Stage, modes: [&'static str; 3]) {
    for machine in stage.fleet.machines() {
        for (port, mode) in (2181..).zip(modes) {
            machine.listen(port, move |_, _| match mode {
                "" => DialOutcome::Refused,
                mode => DialOutcome::Bytes(
                    format!("Zookeeper version: 3.8.0\nMode: {mode}\n").into_bytes(),
                ),
            });
        }
    }
}

/// Whether anything was settled on a machine.
fn was_changed(stage: &Stage, name: &str) -> bool {
    let machine = stage.fleet.machine(name);
    let requests = machine.map(|machine| machine.requests());
    let mut requests = requests.into_iter().flatten();
    requests.any(|request| matches!(request, Request::Settle(_)))
}

#[tokio::test(flavor = "multi_thread")]
async fn begins_what_is_behind_once_the_ensemble_holds() -> Result<()> {
    let stage = Stage::new()?;
    answering(&stage, ["follower", "leader", "follower"]);
    let told = stage.run(&deploy(PLAN).await?, Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary.rows);
    let list = told.summary.barrier.map(|seen| seen.list);
    assert_eq!(list.as_deref(), Some("zk1:2181,zk2:2182,zk3:2183"));
    assert!(was_changed(&stage, NAMES[1]));
    // Its evidence stands in the record before anything behind it was asked for.
    let at = |words: &str| told.journal.find(words).unwrap_or(usize::MAX);
    let noted = at("\"verb\":\"note\"");
    assert!(noted < at("\"module\":\"greeting-c\",\"hook\":\"apply\""));
    assert!(noted > at("\"module\":\"greeting-rust\""));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn begins_nothing_behind_a_barrier_that_does_not_hold() -> Result<()> {
    for modes in [["leader", "leader", "follower"], ["leader", "", ""]] {
        let stage = Stage::new()?;
        answering(&stage, modes);
        let told = stage.run(&deploy(PLAN).await?, Mode::Real).await?;
        assert!(told.summary.is_before_barrier());
        assert!(was_changed(&stage, NAMES[0]));
        assert!(!was_changed(&stage, NAMES[1]));
        let behind = told
            .summary
            .rows
            .iter()
            .find(|row| row.module == *"greeting-c");
        let skipped = Status::Skipped("the barrier did not hold".to_owned());
        assert_eq!(behind.map(|row| &row.status), Some(&skipped));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn assumes_the_ensemble_in_a_dry_run() -> Result<()> {
    let stage = Stage::new()?;
    answering(&stage, ["", "", ""]);
    let told = stage.run(&deploy(PLAN).await?, Mode::Dry).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary.rows);
    assert!(NAMES.iter().all(|name| !was_changed(&stage, name)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_lacks_a_member_is_told_of_and_not_waited_for() -> Result<()> {
    let plan = "[barrier]\nensemble = \"quorum\"\ninterval = \"10ms\"\ntimeout = \"1s\"\n\n\
                [modules.quorum]\non = \"all\"\n";
    let cases = [
        ("10.0.0.1:2181,10.0.0.2:2181,10.0.0.3:2181", None),
        // Whoever lists servers by names of its own knows them better than the plan does.
        ("a.example:2181,b.example:2181,c.example:2181", None),
        (
            "10.0.0.1:2181,10.0.0.2:2181",
            Some("`quorum` has 3 machines and lists 2 of them: "),
        ),
        (
            "10.0.0.1:2181,10.0.0.2:2181,10.0.0.7:2181",
            Some("`quorum` does not list m3: "),
        ),
        (
            "m1:2181,10.0.0.4:2181,10.0.0.5:2181",
            Some("`quorum` does not list m2, m3: "),
        ),
    ];
    for (list, wrong) in cases {
        let stage = Stage::new()?;
        for machine in stage.fleet.machines() {
            machine.listen(2181, |_, dial| {
                let mode = if dial.address.starts_with(['a', 'm']) || dial.address.ends_with('1') {
                    "leader"
                } else {
                    "follower"
                };
                DialOutcome::Bytes(format!("Zookeeper version: 3.8.0\nMode: {mode}\n").into_bytes())
            });
        }
        let mut deployment = deploy(plan).await?;
        let key = ("quorum".to_owned(), "connect".to_owned());
        deployment.outputs.insert(key, list.to_owned());
        let ensemble = deployment.ensemble.clone().context("an ensemble")?;
        let effects = stage.stack(Mode::Real, &stage.journal()?)?;
        let (events, _unheard) = mpsc::unbounded_channel();
        let summary = stand_at_barrier(&deployment, &ensemble, effects, events).await;
        let reason = summary.rows.first().and_then(|row| row.status.reason());
        match wrong {
            None => assert!(summary.is_good(), "{list}: {reason:?}"),
            Some(words) => {
                let words = format!("{words}{list}");
                assert!(
                    reason.is_some_and(|reason| reason.contains(&words)),
                    "{reason:?}"
                );
                let mut machines = stage.fleet.machines();
                assert!(
                    machines.all(|machine| machine.requests().is_empty()),
                    "{list}"
                );
            }
        }
    }
    Ok(())
}
