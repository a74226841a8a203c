//! Runs that are lived through once more, and runs that died and are gone on with.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use cellhost_effects::layers::{Arbiter, Journaled, Live, Policy, Question, Replayed, Resumed};
use cellhost_effects::layers::{Secrets, Verdict};
use cellhost_effects::record::{Journal, MemorySink, Past, Record, Sink};
use cellhost_effects::{Effects, Vault};
use cellhost_engine::{Deployment, Summary};
use cellhost_plan::MachineName;
use cellhost_transport::SimulatedFleet;
use serde_json::json;
use tokio::sync::mpsc;

use crate::stage::deploy_on;

const GUEST: &str = "[modules.greeting-rust]\non = \"all\"\nsettings = { greeting = \"hello\" }\n";

fn machines(count: usize) -> String {
    format!("\"n[1-{count}]\" = {{ address = \"10.0.0.[1-{count}]\" }}\n\n")
}

fn fleet(deployment: &Deployment) -> Arc<SimulatedFleet> {
    let names: Vec<MachineName> = deployment
        .plan
        .machines
        .iter()
        .map(|machine| machine.name.clone())
        .collect();
    Arc::new(SimulatedFleet::of(&names))
}

fn below(fleet: &Arc<SimulatedFleet>) -> impl Effects + use<> {
    let vault = Arc::new(Vault::holding(std::collections::BTreeMap::new()));
    Policy::new(Secrets::new(Live::new(fleet.clone()), vault))
}

async fn run(deployment: &Deployment, effects: Arc<dyn Effects>) -> Summary {
    let (events, _unheard) = mpsc::unbounded_channel();
    let stop = cellhost_engine::Stop::new();
    cellhost_engine::run(deployment, effects, events, stop).await
}

fn state(fleet: &SimulatedFleet) -> Vec<String> {
    let machines = fleet.machines();
    machines
        .map(|machine| format!("{:?}", *machine.state()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_on_a_hundred_machines_is_lived_through_in_no_time() -> Result<()> {
    let deployment = deploy_on(&machines(100), GUEST).await?;
    let memory = MemorySink::default();
    let journal = Arc::new(Journal::over(memory.clone()));
    journal.append(
        "run",
        &json!({"format": cellhost_effects::record::FORMAT}),
        false,
    )?;
    let fleet = fleet(&deployment);
    let effects = Arc::new(Journaled::new(below(&fleet), journal.clone()));
    let summary = run(&deployment, effects).await;
    assert!(summary.is_good());
    journal.append("end", &json!({"interrupted": false}), false)?;
    let before = fleet.machines().map(|machine| machine.requests().len());
    let before: usize = before.sum();
    let mut hashes = Vec::new();
    for _ in 0..3 {
        let begun = Instant::now();
        let past = Past::of(&Record::parse(&memory.bytes())?)?;
        let original = past.digest()?;
        let replayed = Arc::new(Replayed::new(past));
        let summary = run(&deployment, replayed.clone()).await;
        let told = replayed.told();
        let digest = told.present.digest()?;
        let took = begun.elapsed();
        assert!(summary.is_good());
        assert_eq!(told.divergences, []);
        assert_eq!(digest, original);
        // A second is promised of the program as it is shipped; this one is not optimised.
        let limit = if cfg!(debug_assertions) { 10 } else { 1 };
        assert!(took.as_secs() < limit, "a replay takes {took:?}");
        hashes.push(digest);
    }
    hashes.dedup();
    assert_eq!(hashes.len(), 1);
    let after = fleet.machines().map(|machine| machine.requests().len());
    assert_eq!(after.sum::<usize>(), before, "a replay asked a machine");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_died_anywhere_ends_as_if_it_had_not() -> Result<()> {
    let deployment = deploy_on(&machines(3), GUEST).await?;
    let whole = fleet(&deployment);
    let (record, good) = session(&deployment, &whole, &[], usize::MAX).await?;
    assert!(good);
    let lines = Record::parse(&record)?.lines.len();
    assert!(lines >= 10, "{lines} lines");
    for died in 0..lines {
        let fleet = fleet(&deployment);
        let (record, _) = session(&deployment, &fleet, &[], died).await?;
        let (record, good) = session(&deployment, &fleet, &record, usize::MAX).await?;
        assert!(good, "died at line {died}");
        assert_eq!(state(&fleet), state(&whole), "died at line {died}");
        let past = Past::of(&Record::parse(&record)?)?;
        let original = past.digest()?;
        let replayed = Arc::new(Replayed::new(past));
        run(&deployment, replayed.clone()).await;
        let told = replayed.told();
        assert_eq!(told.divergences, [], "died at line {died}");
        assert_eq!(told.present.digest()?, original, "died at line {died}");
    }
    Ok(())
}

/// Runs or goes on after a record, until so many lines are written.
async fn session(
    deployment: &Deployment,
    fleet: &Arc<SimulatedFleet>,
    record: &[u8],
    lines: usize,
) -> Result<(Vec<u8>, bool)> {
    let read = Record::parse(record)?;
    let whole = record.get(..usize::try_from(read.length)?);
    let memory = MemorySink::holding(whole.context("a record as long as it was read")?);
    let sink = Dying(lines, memory.clone());
    let journal = Arc::new(Journal::after(&read, sink));
    if !read.lines.is_empty() {
        journal.append("resume", &json!({}), true)?;
    }
    let past = Past::of(&read)?;
    let effects = Resumed::new(below(fleet), journal, past, Arc::new(Nobody));
    let summary = run(deployment, Arc::new(effects)).await;
    Ok((memory.bytes(), summary.is_good()))
}

/// Takes so many lines and then nothing more, as when the program dies.
struct Dying(usize, MemorySink);

impl Sink for Dying {
    fn append(&mut self, line: &[u8], durable: bool) -> std::io::Result<()> {
        self.0 = self
            .0
            .checked_sub(1)
            .ok_or_else(|| std::io::Error::other("the program is dead"))?;
        self.1.append(line, durable)
    }
}

struct Nobody;

#[async_trait::async_trait]
impl Arbiter for Nobody {
    async fn decide(&self, _: Question) -> Verdict {
        Verdict::Open
    }
}
