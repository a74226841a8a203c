//! Lives through a run once more: every answer comes from its record, and nothing is sent.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use cellhost_plan::MachineName;

use crate::record::{Asked, EffectName, Past, TurnName};
use crate::{Effect, EffectError, Effects, Ending, Outcome, Turn};

/// Answers everything from the record of a run. There is no layer below.
pub struct Replayed {
    past: Past,
    told: Mutex<Replay>,
}

/// What came of living through a run once more.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    /// What was asked this time, with the answers of the record.
    pub present: Past,
    /// What was not as it is on record.
    pub divergences: Vec<Divergence>,
}

/// An effect that is not as it is on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Divergence {
    /// Which one.
    pub effect: EffectName,
    /// Where.
    pub machine: MachineName,
    /// What is not the same, in words.
    pub difference: String,
}

impl Replayed {
    /// A layer that knows what a run has been through.
    pub fn new(past: Past) -> Self {
        let present = Past::beginning_like(&past);
        let replay = Replay {
            present,
            divergences: Vec::new(),
        };
        Self {
            past,
            told: Mutex::new(replay),
        }
    }

    /// What came of it, once the engine is through. What is on record and was not asked this time
    /// counts as a divergence, where the record has the end of its turn.
    pub fn told(&self) -> Replay {
        let mut replay = self.replay().clone();
        for (name, turn) in self.past.current() {
            let present = replay.present.turn(name);
            for (sequence, effect) in &turn.effects {
                if present.is_some_and(|turn| turn.effects.contains_key(sequence)) {
                    continue;
                }
                let turn = name.clone();
                let sequence = *sequence;
                replay.divergences.push(Divergence {
                    effect: EffectName { turn, sequence },
                    machine: effect.machine.clone(),
                    difference: format!("the {} was not asked again", effect.verb),
                });
            }
        }
        replay
    }

    fn replay(&self) -> MutexGuard<'_, Replay> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that an effect is not as on record, and says so to the turn.
    fn diverged(&self, effect: &Effect, difference: String) -> EffectError {
        let name = EffectName::from(effect);
        let reason = format!("{name}: {difference}");
        self.replay().divergences.push(Divergence {
            effect: name,
            machine: effect.machine.clone(),
            difference,
        });
        EffectError::Diverged { reason }
    }
}

#[async_trait]
impl Effects for Replayed {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        let asked = match Asked::of(&effect) {
            Ok(asked) => asked,
            Err(error) => return Err(EffectError::other(error.to_string())),
        };
        let name = EffectName::from(&effect);
        let turn = self.past.turn(&name.turn);
        let known = turn.and_then(|turn| turn.effects.get(&name.sequence));
        let Some(known) = known else {
            if turn.map_or(!self.past.is_over(), |turn| turn.ending.is_none()) {
                // The record ends here, and so does what can be said.
                return Err(EffectError::Interrupted { in_doubt: false });
            }
            let verb = effect.act.verb();
            return Err(self.diverged(&effect, format!("a {verb} that is not on record")));
        };
        if known.digest != asked.digest {
            let difference = known.difference(&effect, &asked);
            return Err(self.diverged(&effect, difference));
        }
        let told = known.told.clone();
        self.replay().present.keep(&effect, asked, told.clone());
        told.unwrap_or(Err(EffectError::Interrupted { in_doubt: true }))
    }

    fn ended(&self, turn: &Turn, ending: Ending) {
        let name = TurnName::from(turn);
        // A turn that was cut off ends here because the record does.
        let known = self.past.turn(&name);
        if known.is_some_and(|turn| turn.ending.is_some()) {
            self.replay().present.keep_ending(name, ending);
        }
    }
}
