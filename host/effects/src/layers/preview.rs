//! A dry run: looks for real, holds changes back, and lets later looks see them.

mod ground;
mod list;
mod overlay;
mod reads;
mod shadow;
mod trust;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use cellhost_plan::MachineName;
use cellhost_transport::Answer;
use tokio::sync::Mutex;

use crate::{Act, Certainty, Effect, EffectError, Effects, Found, Hook, Outcome, Sign};

use overlay::Overlay;
use trust::Trust;

/// Answers as the machines would, had they been changed; sends nothing that changes one.
pub struct Preview<E> {
    inner: E,
    overlays: Mutex<HashMap<MachineName, Overlay>>,
    /// How much the answers are worth that turns have been given so far.
    trust: Trust,
    /// Whether anything was held back on any machine.
    held_back: AtomicBool,
}

impl<E: Effects> Preview<E> {
    /// A layer over another, which is asked only to look.
    pub fn new(inner: E) -> Self {
        Self {
            inner,
            overlays: Mutex::default(),
            trust: Trust::default(),
            held_back: AtomicBool::new(false),
        }
    }

    /// Takes up that something is held back.
    fn change(&self, effect: &Effect) {
        self.held_back.store(true, Ordering::Relaxed);
        self.trust.change(&effect.turn);
    }

    async fn holds_back(&self, machine: &MachineName) -> bool {
        self.overlays
            .lock()
            .await
            .get(machine)
            .is_some_and(|overlay| overlay.held_back)
    }

    /// Whether the host asks between turns for what may come of something that was held back.
    fn gates(&self, effect: &Effect) -> bool {
        effect.turn.hook == Hook::Gate && self.held_back.load(Ordering::Relaxed)
    }

    /// Asks the machine itself; what it says about a state that the real run will not meet is of
    /// unknown worth.
    async fn ask(&self, effect: Effect) -> Result<Outcome, EffectError> {
        let turn = effect.turn.clone();
        let doubtful =
            self.holds_back(&effect.machine).await || self.trust.is_doubtful(&effect.turn);
        let mut result = self.inner.perform(effect).await;
        if doubtful {
            match &mut result {
                Ok(outcome) => outcome.certainty = Certainty::Unknown,
                Err(_) => self.trust.lower(&turn, Certainty::Unknown),
            }
        }
        result
    }

    /// Asks a port, which may be another machine's: where nobody answers because of what was held
    /// back, what is assumed does.
    async fn dial(&self, effect: Effect, assumed: Option<Vec<u8>>) -> Result<Outcome, EffectError> {
        let doubtful = self.trust.is_doubtful(&effect.turn);
        let result = self.ask(effect).await;
        match (&result, assumed) {
            (Err(error), Some(bytes)) if doubtful && !is_lost(error) => Ok(Outcome {
                found: Found::Dialed(bytes),
                certainty: Certainty::Assumed,
            }),
            _ => result,
        }
    }

    /// Skips a command. That it runs is as sure as what the turn was told before; what it does is
    /// for the machine to know.
    async fn skip(&self, effect: &Effect) -> Outcome {
        let certainty = self.trust.of(&effect.turn);
        self.change(effect);
        let mut overlays = self.overlays.lock().await;
        let overlay = overlays.entry(effect.machine.clone()).or_default();
        overlay.held_back = true;
        overlay.shadow.fall_of_program();
        self.trust.lower(&effect.turn, Certainty::Assumed);
        Outcome {
            found: Found::Ran(None),
            certainty,
        }
    }

    async fn answer(&self, effect: Effect) -> Result<Outcome, EffectError> {
        match effect.act.clone() {
            Act::Ensure(items) => self.ensure(&effect, &items).await,
            Act::Run { .. } => Ok(self.skip(&effect).await),
            Act::Probe {
                assumed: Some(answer),
                ..
            } if self.holds_back(&effect.machine).await => Ok(Outcome {
                found: Found::Answer(answer),
                certainty: Certainty::Assumed,
            }),
            Act::Dial {
                assumed: Some(bytes),
                ..
            } if self.holds_back(&effect.machine).await || self.gates(&effect) => Ok(Outcome {
                found: Found::Dialed(bytes),
                certainty: Certainty::Assumed,
            }),
            Act::Dial { assumed, .. } => self.dial(effect, assumed).await,
            Act::Wait { sign, .. } if self.held_back.load(Ordering::Relaxed) => Ok(Outcome {
                found: Found::Answer(shown(&sign)),
                certainty: Certainty::Assumed,
            }),
            Act::Read { path, limit } => self.read(&effect, &path, limit).await,
            Act::Status { path } => self.status(effect, &path).await,
            Act::Entries { path } => self.entries(effect, &path).await,
            Act::Probe { .. } | Act::Wait { .. } => self.ask(effect).await,
            Act::Look(identities) => self.overlaid(effect, identities).await,
            // Nobody waits for what does not happen.
            Act::Pause(_) => Ok(Outcome {
                found: Found::Paused,
                certainty: Certainty::Assumed,
            }),
            Act::Fact { .. } | Act::Note { .. } => self.inner.perform(effect).await,
        }
    }
}

#[async_trait]
impl<E: Effects> Effects for Preview<E> {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        let turn = effect.turn.clone();
        let result = self.answer(effect).await;
        if let Ok(outcome) = &result {
            self.trust.lower(&turn, outcome.certainty);
        }
        result
    }
}

/// Whether the machine that was to ask is out of reach, or may not be asked.
fn is_lost(error: &EffectError) -> bool {
    matches!(
        error,
        EffectError::Unreachable { .. }
            | EffectError::Interrupted { .. }
            | EffectError::Denied { .. }
            | EffectError::Invalid { .. }
    )
}

/// The answer that shows a sign.
fn shown(sign: &Sign) -> Answer {
    Answer {
        status: sign.status,
        output: sign.contains.clone().into_bytes(),
        errors: Vec::new(),
    }
}
