//! One run of the real engine over a world.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use cellhost_effects::layers::{
    Foresight, Halt, Journaled, Leases, Live, Patience, Policy, Resumed, Retried, Secrets,
};
use cellhost_effects::record::{FORMAT, Journal, Past, Record};
use cellhost_effects::{Effects, Vault};
use cellhost_engine::{Deployment, Event, Stop, Summary};
use cellhost_transport::Fleet;
use serde_json::json;
use tokio::sync::mpsc;

use crate::mutation::Mutation;
use crate::operator::Operator;
use crate::tape::{Death, Tape};
use crate::world::{Wires, World};

/// How a run is to go.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// After which time the operator asks to stop.
    pub stop_after: Option<Duration>,
    /// When the host dies.
    pub death: Option<Death>,
    /// The record of the run that is gone on with.
    pub resumes: Option<Vec<u8>>,
    /// Whether whoever is asked about what is in doubt cannot say.
    pub undecided: bool,
    /// What of the host is broken on purpose.
    pub mutation: Option<Mutation>,
}

/// What is known of a run.
pub struct Ran {
    /// How it went; nothing where its host died.
    pub summary: Option<Summary>,
    /// Its record.
    pub tape: Tape,
    /// What the engine said of it.
    pub said: Vec<Event>,
}

/// Runs a deployment over a world.
pub async fn run(world: &Arc<World>, deployment: &Deployment, order: &Order) -> Result<Ran> {
    let before = order.resumes.as_deref().unwrap_or_default();
    let record = Record::parse(before)?;
    let length = usize::try_from(record.length)?;
    let kept = before.get(..length).unwrap_or_default().to_vec();
    let loose = order.mutation == Some(Mutation::JournalLoose);
    let tape = Tape::after(kept, order.death, loose);
    let owner = world.begin(&tape, &record)?;
    let journal = Arc::new(Journal::after(&record, tape.clone()));
    let stop = Stop::new();
    let fleet: Arc<dyn Fleet> = Arc::new(Wires::new(world, order.mutation));
    let leases = Arc::new(Leases::new(owner));
    let live = match order.mutation {
        Some(Mutation::LeaseNone) => Live::new(fleet.clone()),
        _ => Live::leasing(fleet.clone(), leases.clone()),
    };
    let live = Halt::new(live, stop.clone());
    let vault = Arc::new(Vault::holding(BTreeMap::new()));
    let below = Secrets::new(Foresight::new(live), vault);
    let below = Policy::new(Retried::new(below, Patience::default(), |_| {}));
    let effects: Arc<dyn Effects> = if order.resumes.is_some() {
        journal.append("resume", &json!({}), true)?;
        let past = Past::of(&record)?;
        let operator = Operator::of(world, order.undecided, order.mutation);
        let operator = Arc::new(operator);
        Arc::new(Resumed::new(below, journal.clone(), past, operator))
    } else {
        journal.append("run", &json!({"format": FORMAT}), true)?;
        match order.mutation {
            Some(mutation) => mutation.stack(below, &journal, world),
            None => Arc::new(Journaled::new(below, journal.clone())),
        }
    };
    let (events, mut heard) = mpsc::unbounded_channel();
    let work = work(deployment, effects, events, stop.clone(), order.mutation);
    let told = async {
        if let Some(time) = order.stop_after {
            tokio::time::sleep(time).await;
            stop.cancel();
        }
        tape.death().await;
    };
    let summary = tokio::select! {
        biased;
        () = told => None,
        () = leases.keep(fleet.clone()) => None,
        summary = work => Some(summary).filter(|_| !tape.is_dead()),
    };
    if let Some(summary) = &summary {
        world.judge_release(&leases.release(fleet).await);
        let ended = json!({"interrupted": summary.interrupted});
        journal.append("end", &ended, true)?;
    }
    world.check();
    world.abandon();
    let mut said = Vec::new();
    while let Ok(event) = heard.try_recv() {
        said.push(event);
    }
    Ok(Ran {
        summary,
        tape,
        said,
    })
}

/// Lets the engine do it. One whose rolling changes do not know of each other is as good as one for
/// each quorum.
async fn work(
    deployment: &Deployment,
    effects: Arc<dyn Effects>,
    events: mpsc::UnboundedSender<Event>,
    stop: Stop,
    mutation: Option<Mutation>,
) -> Summary {
    if mutation != Some(Mutation::HoldNone) {
        return cellhost_engine::run(deployment, effects, events, stop).await;
    }
    let part = |council: bool| {
        let mut part = deployment.clone();
        let fits = |name: &str| (name == "council") == council;
        part.modules
            .retain(|placed| fits(placed.usage.name.as_str()));
        part
    };
    let (one, other) = (part(false), part(true));
    let (mut one, other) = tokio::join!(
        cellhost_engine::run(&one, effects.clone(), events.clone(), stop.clone()),
        cellhost_engine::run(&other, effects, events, stop),
    );
    one.rows.extend(other.rows);
    one.interrupted |= other.interrupted;
    one
}
