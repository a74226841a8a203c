//! Goes on with a run: what is on record is answered from there, and the rest is asked and put on
//! record as ever.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use cellhost_plan::MachineName;

use super::Journaled;
use crate::record::{
    Answered, Asked, CameAgain, Doubted, EffectName, Journal, JournalError, Past, PastEffect,
    Place, Told, TurnName, WentLive,
};
use crate::{
    Act, Answer, Command, Doubt, Effect, EffectError, Effects, Ending, Found, Outcome, Turn,
};

/// Decides about commands of which nobody knows whether they ran, where they leave it to a person.
#[async_trait]
pub trait Arbiter: Send + Sync {
    /// Says what is to be taken for true.
    async fn decide(&self, question: Question) -> Verdict;
}

/// A command of which nobody knows whether it ran.
#[derive(Debug, Clone)]
pub struct Question {
    /// Which effect it was.
    pub effect: EffectName,
    /// Where.
    pub machine: MachineName,
    /// The command.
    pub command: Command,
}

/// What is taken for true of a command in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It ran and did what it should.
    Done,
    /// It has to run again.
    Again,
    /// Nobody could say. The turn ends.
    Open,
}

/// Answers from the record of a run what was asked in it and has an outcome, and sends the rest.
/// It stands where the journal stands in a run, and writes to the same one.
pub struct Resumed<E> {
    inner: Journaled<E>,
    journal: Arc<Journal>,
    past: Past,
    arbiter: Arc<dyn Arbiter>,
    turns: Mutex<BTreeMap<TurnName, Standing>>,
}

/// How a turn stands that is gone through again.
#[derive(Clone)]
enum Standing {
    /// It is answered from the record.
    OnRecord,
    /// It has left the record.
    Live,
    /// It asks otherwise than the record has it, or waits for a person.
    Stopped(EffectError),
}

impl<E: Effects> Resumed<E> {
    /// A layer over those that stood below the journal in the run, with what the run has been
    /// through. The journal goes on after that.
    pub fn new(inner: E, journal: Arc<Journal>, past: Past, arbiter: Arc<dyn Arbiter>) -> Self {
        Self {
            inner: Journaled::new(inner, journal.clone()),
            journal,
            past,
            arbiter,
            turns: Mutex::default(),
        }
    }

    fn turns(&self) -> MutexGuard<'_, BTreeMap<TurnName, Standing>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the run comes to a turn that is on record. Says why it is stopped, where it is.
    fn come_to(&self, turn: &TurnName) -> Result<(), EffectError> {
        let mut turns = self.turns();
        match turns.get(turn) {
            Some(Standing::Stopped(error)) => return Err(error.clone()),
            Some(_) => return Ok(()),
            None => turns.insert(turn.clone(), Standing::OnRecord),
        };
        let again = CameAgain { turn: turn.clone() };
        Ok(self.journal.append("again", &again, false)?)
    }

    /// Notes that a turn leaves the record, once.
    fn leave(&self, turn: &TurnName, from: u32) -> Result<(), EffectError> {
        let before = self.turns().insert(turn.clone(), Standing::Live);
        if matches!(before, Some(Standing::Live)) {
            return Ok(());
        }
        let turn = turn.clone();
        let live = WentLive { turn, from };
        Ok(self.journal.append("live", &live, false)?)
    }

    /// Ends a turn: nothing more is asked for it.
    fn stop(&self, turn: &TurnName, error: EffectError) -> EffectError {
        let stopped = Standing::Stopped(error.clone());
        self.turns().insert(turn.clone(), stopped);
        error
    }

    /// Says in what an effect differs from the one on record, where it does.
    fn compare(&self, effect: &Effect, known: &PastEffect) -> Result<(), EffectError> {
        let asked = Asked::of(effect).map_err(JournalError::from)?;
        if asked.digest == known.digest {
            return Ok(());
        }
        let name = EffectName::from(effect);
        let reason = known.difference(effect, &asked);
        let reason = format!("{name}: {reason}");
        Err(self.stop(&name.turn, EffectError::Diverged { reason }))
    }

    async fn settle(&self, effect: Effect) -> Result<Outcome, EffectError> {
        let (command, doubt) = match &effect.act {
            Act::Run { command, doubt } => (command.clone(), doubt.clone()),
            // A list is looked at before it is settled: what came about is not done again.
            _ => return self.inner.perform(effect).await,
        };
        if !effect.may_change() {
            return self.inner.perform(effect).await;
        }
        match doubt {
            Doubt::Again => self.inner.perform(effect).await,
            Doubt::Verify(probe) => self.verify(effect, probe).await,
            Doubt::Ask => self.ask(effect, command).await,
        }
    }

    async fn verify(&self, effect: Effect, probe: Command) -> Result<Outcome, EffectError> {
        self.doubted(&effect, "verify", None, None).await?;
        let act = Act::Probe {
            command: probe,
            assumed: None,
        };
        let result = self.inner.below().perform(effect.asking(act)).await;
        let happened = match &result {
            Ok(outcome) => {
                Some(matches!(&outcome.found, Found::Answer(answer) if answer.status == 0))
            }
            Err(_) => None,
        };
        let told = Some(Told::from(&result));
        self.doubted(&effect, "verify", happened, told).await?;
        match result {
            Err(error) => Err(error),
            Ok(_) if happened == Some(true) => self.taken_for_done(&effect).await,
            Ok(_) => self.inner.perform(effect).await,
        }
    }

    async fn ask(&self, effect: Effect, command: Command) -> Result<Outcome, EffectError> {
        let name = EffectName::from(&effect);
        let question = Question {
            effect: name.clone(),
            machine: effect.machine.clone(),
            command: command.clone(),
        };
        // Whoever is asked looks at the machine, and shall find it at rest: what the dead run has left
        // at work there ends before anything is answered.
        let rest = Act::Fact {
            name: "init".to_owned(),
        };
        self.inner.below().perform(effect.asking(rest)).await?;
        match self.arbiter.decide(question).await {
            Verdict::Done => {
                self.doubted(&effect, "ask", Some(true), None).await?;
                self.taken_for_done(&effect).await
            }
            Verdict::Again => {
                self.doubted(&effect, "ask", Some(false), None).await?;
                self.inner.perform(effect).await
            }
            Verdict::Open => {
                let error = EffectError::Undecided {
                    effect: name.to_string(),
                    machine: effect.machine.to_string(),
                    command: command.argv.join(" "),
                };
                Err(self.stop(&name.turn, error))
            }
        }
    }

    async fn doubted(
        &self,
        effect: &Effect,
        rule: &str,
        happened: Option<bool>,
        told: Option<Told>,
    ) -> Result<(), EffectError> {
        let doubted = Doubted {
            effect: Place::from(effect),
            rule: rule.to_owned(),
            happened,
            told,
        };
        Ok(self.journal.keep("doubt", &doubted).await?)
    }

    /// The outcome of a command that ran. What it wrote is lost.
    async fn taken_for_done(&self, effect: &Effect) -> Result<Outcome, EffectError> {
        let answer = Answer {
            status: 0,
            output: Vec::new(),
            errors: Vec::new(),
        };
        let result = Ok(Outcome::exact(Found::Ran(Some(answer))));
        self.inner.came(effect, &result).await?;
        result
    }
}

#[async_trait]
impl<E: Effects> Effects for Resumed<E> {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        let name = EffectName::from(&effect);
        let Some(turn) = self.past.turn(&name.turn) else {
            return self.inner.perform(effect).await;
        };
        self.come_to(&name.turn)?;
        if effect.turn.hook.is_momentary() {
            self.leave(&name.turn, 0)?;
            return self.inner.perform(effect).await;
        }
        match turn.answer(name.sequence) {
            Answered::Given(known, told) => {
                self.compare(&effect, known)?;
                told.clone()
            }
            Answered::Doubtful(known) => {
                self.compare(&effect, known)?;
                self.settle(effect).await
            }
            Answered::Missing => self.inner.perform(effect).await,
            Answered::Live => {
                self.leave(&name.turn, turn.live_from().unwrap_or(name.sequence))?;
                self.inner.perform(effect).await
            }
            Answered::Over => {
                let asks = effect.act.verb();
                let reason = format!("{name}: asks for a {asks} where the turn was through");
                Err(self.stop(&name.turn, EffectError::Diverged { reason }))
            }
        }
    }

    fn ended(&self, turn: &Turn, ending: Ending) {
        let name = TurnName::from(turn);
        // Of a turn that was stopped the record knows no more than before.
        if matches!(self.turns().get(&name), Some(Standing::Stopped(_))) {
            return;
        }
        self.inner.ended(turn, ending);
    }
}
