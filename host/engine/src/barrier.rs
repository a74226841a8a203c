//! The barrier: waits until an ensemble proves that it is whole and holds still.
//!
//! It asks every server of the list `srvr`, round by round, as seen from machines that will use
//! the ensemble. Each round is a turn of the host's own ([`Hook::Gate`]), each question and each
//! pause an effect like any other: a dry run, a replay and a simulation need to know nothing of it.
//!
//! It has no clock: what counts is how long it paused and how long it waited in vain for answers,
//! which its record tells. So a run that is lived through once more comes to the same end.

mod answer;
mod ensemble;
mod evidence;
mod judge;
mod vantage;

use std::sync::Arc;
use std::time::{Duration, Instant};

use cellhost_effects::{
    Act, Certainty, Consent, Effect, EffectError, Effects, Ending, Hook, Listener, Outcome, Rights,
    Templates, Turn,
};
use cellhost_plan::{Barrier as Rules, MachineName, Server, Servers};

use crate::Deployment;
use crate::event::{Event, Events, Happening};
use crate::outputs::Outputs;
use crate::summary::{Row, Status, Summary, Tally};
use crate::turn::Stage;

use judge::Judge;
use vantage::Vantages;

pub use answer::{Answer, Mode};
pub use ensemble::Ensemble;
pub(crate) use ensemble::{MODULE, OUTPUT, Unlisted};
pub use evidence::{Evidence, Seen};

/// How a barrier ended: its row, and what it saw, where it saw anything.
pub(crate) struct Waited {
    pub(crate) row: Row,
    pub(crate) evidence: Option<Evidence>,
}

/// Waits before an ensemble until it holds, its time is over, or somebody asks to stop.
pub(crate) async fn wait(
    deployment: &Deployment,
    ensemble: &Ensemble,
    outputs: &Outputs,
    stage: &Stage,
) -> Waited {
    let begun = Instant::now();
    stage.tell_gate(&ensemble.name, Happening::Began);
    let (status, evidence) = match ensemble.servers(deployment, outputs) {
        Ok(servers) => {
            let mut watch = Watch::new(deployment, ensemble, servers, stage.clone());
            let status = watch.wait(&deployment.plan.barrier).await;
            (status, Some(watch.evidence()))
        }
        Err(why) => (Status::Failed(why.to_string()), None),
    };
    let took = begun.elapsed();
    let happening = Happening::Ended {
        status: status.clone(),
        hints: Vec::new(),
        took,
    };
    stage.tell_gate(&ensemble.name, happening);
    let row = row(ensemble, status, took);
    Waited { row, evidence }
}

/// Waits at the barrier of a deployment as its run would, and does nothing else.
pub async fn stand_at_barrier(
    deployment: &Deployment,
    ensemble: &Ensemble,
    effects: Arc<dyn Effects>,
    events: Events,
) -> Summary {
    let stage = Stage::new(effects, events);
    let waited = wait(deployment, ensemble, &deployment.outputs, &stage).await;
    ended(waited, &stage)
}

/// Asks every server of an ensemble once how it is.
pub async fn ask_ensemble(
    deployment: &Deployment,
    ensemble: &Ensemble,
    effects: Arc<dyn Effects>,
    events: Events,
) -> Summary {
    let stage = Stage::new(effects, events);
    let begun = Instant::now();
    let (status, evidence) = match ensemble.servers(deployment, &deployment.outputs) {
        Ok(servers) => {
            let mut watch = Watch::new(deployment, ensemble, servers, stage.clone());
            let asked = watch.round().await;
            let status = asked.map_or_else(
                |error| stopped(&error),
                |round| {
                    round.ended();
                    Status::Unchanged
                },
            );
            (status, Some(watch.evidence()))
        }
        Err(why) => (Status::Failed(why.to_string()), None),
    };
    let row = row(ensemble, status, begun.elapsed());
    ended(Waited { row, evidence }, &stage)
}

fn ended(waited: Waited, stage: &Stage) -> Summary {
    let summary = Summary {
        took: waited.row.took,
        interrupted: waited.row.status == interrupted(),
        rows: vec![waited.row],
        barrier: waited.evidence,
    };
    stage.send(Event::Ended(summary.clone()));
    summary
}

fn row(ensemble: &Ensemble, status: Status, took: Duration) -> Row {
    Row {
        module: ensemble.name.clone(),
        hook: Hook::Gate,
        machine: None,
        status,
        tally: Tally::default(),
        warnings: Vec::new(),
        hints: Vec::new(),
        took,
    }
}

/// A barrier under way.
struct Watch<'a> {
    ensemble: &'a Ensemble,
    version: semver::Version,
    rights: Arc<Rights>,
    servers: Servers,
    stage: Stage,
    vantages: Vantages,
    judge: Judge,
    /// What was seen of each server last.
    seen: Vec<Seen>,
    /// Since when nobody can count on it.
    without: Vec<Option<Duration>>,
    /// How long it waited by now.
    spent: Duration,
    held: u32,
    wanted: u32,
    rounds: u32,
    why: Option<String>,
    certainty: Certainty,
}

impl<'a> Watch<'a> {
    fn new(
        deployment: &Deployment,
        ensemble: &'a Ensemble,
        servers: Servers,
        stage: Stage,
    ) -> Self {
        let vantages = Vantages::of(deployment, ensemble);
        let never = |server: &Server| Seen {
            server: server.clone(),
            answer: Answer::Unasked("not yet".to_owned()),
            from: None,
            without: None,
        };
        Self {
            version: ensemble.version(deployment),
            rights: Arc::new(vantages.rights()),
            seen: servers.list.iter().map(never).collect(),
            without: vec![None; servers.list.len()],
            ensemble,
            servers,
            stage,
            vantages,
            judge: Judge::new(),
            spent: Duration::ZERO,
            held: 0,
            wanted: deployment.plan.barrier.rounds,
            rounds: 0,
            why: None,
            certainty: Certainty::Exact,
        }
    }

    async fn wait(&mut self, rules: &Rules) -> Status {
        loop {
            let round = match self.round().await {
                Ok(round) => round,
                Err(error) => return stopped(&error),
            };
            let answers: Vec<&Answer> = self.seen.iter().map(|seen| &seen.answer).collect();
            let verdict = self.judge.see(&answers);
            self.held = *verdict.as_ref().unwrap_or(&0);
            self.why = verdict.err();
            let evidence = self.evidence();
            self.stage.send(Event::Barrier(evidence.clone()));
            if evidence.is_held() {
                return self.note(&round, Status::Unchanged).await;
            }
            if self.spent + rules.interval > rules.timeout {
                let status = Status::Failed(given_up(&evidence, rules.timeout));
                return self.note(&round, status).await;
            }
            let paused = round.pause(rules.interval).await;
            round.ended();
            self.spent += rules.interval;
            match paused {
                Ok(Certainty::Exact) => {}
                // Where no time passes, nothing gets better by waiting.
                Ok(_) if self.why.is_none() => {}
                Ok(_) => {
                    let status = Status::Failed(given_up(&evidence, Duration::ZERO));
                    return self.note(&round, status).await;
                }
                Err(error) => return stopped(&error),
            }
        }
    }

    /// Asks every server how it is.
    async fn round(&mut self) -> Result<Round, EffectError> {
        let call = self.stage.call(&self.ensemble.name, Hook::Gate, None);
        let turn = Turn {
            module: self.ensemble.name.clone(),
            version: self.version.clone(),
            hook: Hook::Gate,
            machine: None,
            round: call.round,
            given: call.given,
            rights: self.rights.clone(),
            templates: Arc::new(Templates::default()),
        };
        let nowhere = || EffectError::other("there is no machine to look at the ensemble from");
        let round = Round {
            effects: self.stage.effects(),
            turn: Arc::new(turn),
            at: self.vantages.first().ok_or_else(nowhere)?,
            pause: Vantages::after(self.servers.list.len()),
        };
        let (asked, took) = self.vantages.ask(&round, &self.servers.list).await?;
        self.rounds += 1;
        let before = self.spent;
        self.spent += took;
        let now = self.spent;
        let slots = self.seen.iter_mut().zip(&mut self.without);
        for ((seen, without), asked) in slots.zip(asked) {
            *without = match asked.answer.mode() {
                Some(_) => None,
                None => Some(without.unwrap_or(before)),
            };
            seen.without = without.map(|since| now.saturating_sub(since));
            seen.answer = asked.answer;
            seen.from = asked.from;
            self.certainty = self.certainty.max(asked.certainty);
        }
        Ok(round)
    }

    /// Puts the evidence into the record; a run does not go on without.
    async fn note(&self, round: &Round, status: Status) -> Status {
        let body = self.evidence().to_json();
        let kind = "barrier";
        let last = round.pause.saturating_add(1);
        let noted = round.perform(last, Act::Note { kind, body }).await;
        round.ended();
        match noted {
            Ok(_) => status,
            Err(error) => stopped(&error),
        }
    }

    fn evidence(&self) -> Evidence {
        Evidence {
            ensemble: self.ensemble.name.clone(),
            list: self.servers.to_string(),
            servers: self.seen.clone(),
            held: self.held,
            wanted: self.wanted,
            rounds: self.rounds,
            waited: self.spent,
            why: self.why.clone(),
            certainty: self.certainty,
        }
    }
}

/// One round: a turn, and where its effects go.
struct Round {
    effects: Arc<dyn Effects>,
    turn: Arc<Turn>,
    /// A machine that effects are about which are about none.
    at: MachineName,
    /// The place of the pause among the effects of the turn.
    pause: u32,
}

impl Round {
    async fn perform(&self, sequence: u32, act: Act) -> Result<Outcome, EffectError> {
        self.perform_at(self.at.clone(), sequence, act).await
    }

    async fn perform_at(
        &self,
        machine: MachineName,
        sequence: u32,
        act: Act,
    ) -> Result<Outcome, EffectError> {
        let effect = Effect {
            turn: self.turn.clone(),
            sequence,
            machine,
            act,
            listener: Listener::default(),
            consent: Consent::default(),
        };
        self.effects.perform(effect).await
    }

    /// Puts the end of the round on record. Whoever goes on with a run looks at the ensemble anew:
    /// what held an hour ago proves nothing.
    fn ended(&self) {
        let ending = Ending {
            good: false,
            status: "looked".to_owned(),
            changes: 0,
            reason: None,
        };
        self.effects.ended(&self.turn, ending);
    }

    async fn pause(&self, time: Duration) -> Result<Certainty, EffectError> {
        let outcome = self.perform(self.pause, Act::Pause(time)).await?;
        Ok(outcome.certainty)
    }
}

fn interrupted() -> Status {
    Status::Skipped("interrupted".to_owned())
}

fn stopped(error: &EffectError) -> Status {
    match error {
        EffectError::Interrupted { .. } => interrupted(),
        error => Status::Failed(error.to_string()),
    }
}

/// Why the barrier did not hold, and how every server was.
fn given_up(evidence: &Evidence, timeout: Duration) -> String {
    let why = evidence.why.clone().unwrap_or_else(|| {
        let (held, wanted) = (evidence.held, evidence.wanted);
        format!("it held {held} of {wanted} rounds in a row")
    });
    let mut words = if timeout.is_zero() {
        format!("the barrier would be waited for: {why}")
    } else {
        format!(
            "the barrier did not hold within {} s: {why}",
            timeout.as_secs()
        )
    };
    for seen in &evidence.servers {
        words = format!("{words}\n{seen}");
    }
    words
}
