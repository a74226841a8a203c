//! What another version of a module would have asked, compared with the record of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use cellhost_plan::MachineName;
use serde_json::Value;

use crate::record::{Asked, Past, PastEffect, PastTurn, TurnName};
use crate::{Act, Certainty, Effect, EffectError, Effects, Found, Hook, Outcome, Settlement};

/// Answers from the record what was asked there too, wherever in its turn. Changes that are not on
/// record are assumed to come about; a look that is not on record ends its turn, since nobody
/// knows what the machine would have said.
pub struct Compared {
    past: Past,
    turns: Mutex<BTreeMap<TurnName, Comparison>>,
}

/// One turn, compared with the record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// How many effects are the same.
    pub same: usize,
    /// What is not, in the order in which it came up.
    pub contrasts: Vec<Contrast>,
    /// Why nothing is known of the rest, where that is so.
    pub stopped: Option<String>,
    used: BTreeSet<u32>,
}

/// Something that is asked of a machine otherwise than on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contrast {
    /// Where.
    pub machine: MachineName,
    /// In what way.
    pub way: Way,
    /// What, in words.
    pub what: String,
}

/// In what way something is asked otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// It is not on record.
    Anew,
    /// It is on record with other particulars.
    Otherwise,
    /// It is on record and is not asked any longer.
    NoLonger,
}

impl Comparison {
    fn note(&mut self, machine: &MachineName, way: Way, what: &str) {
        self.contrasts.push(Contrast {
            machine: machine.clone(),
            way,
            what: what.to_owned(),
        });
    }

    fn stop(&mut self, reason: String) -> EffectError {
        self.stopped = Some(reason.clone());
        EffectError::Diverged { reason }
    }

    /// The first effect of the past that is like this and that nothing was compared with yet.
    fn unused<'a>(
        &self,
        past: Option<&'a PastTurn>,
        is_like: impl Fn(&PastEffect) -> bool,
    ) -> Option<(u32, &'a PastEffect)> {
        let mut effects = past?.effects.iter();
        let found = effects.find(|(at, effect)| !self.used.contains(at) && is_like(effect));
        found.map(|(at, effect)| (*at, effect))
    }

    /// Compares a list with the one on record that has most in common with it, wish by wish.
    fn list(
        &mut self,
        effect: &Effect,
        asked: &Asked,
        past: Option<&PastTurn>,
    ) -> Result<Outcome, EffectError> {
        let subjects: BTreeSet<&str> = wishes(&asked.value).filter_map(subject).collect();
        let known = self.unused(past, |known| {
            let mut before = wishes(&known.asked).filter_map(subject);
            known.verb == "ensure"
                && known.machine == effect.machine
                && before.any(|subject| subjects.contains(subject))
        });
        let (at, known) = known.unzip();
        self.used.extend(at);
        let before: Vec<&Value> = known
            .iter()
            .flat_map(|known| wishes(&known.asked))
            .collect();
        let told = known.and_then(|known| match &known.told {
            Some(Ok(Outcome {
                found: Found::Settled(settlements),
                ..
            })) => Some(settlements),
            _ => None,
        });
        let mut settled = Vec::new();
        for wish in wishes(&asked.value) {
            let what = subject(wish).unwrap_or_default();
            let same = before.iter().position(|known| *known == wish);
            let is_known = before.iter().any(|known| subject(known) == Some(what));
            let line = match same {
                Some(place) => {
                    if let Some(settlement) = told.and_then(|told| told.get(place)) {
                        settled.push(settlement.clone());
                        continue;
                    }
                    "asked as before"
                }
                None if is_known => {
                    self.note(&effect.machine, Way::Otherwise, what);
                    "asked otherwise"
                }
                None => {
                    self.note(&effect.machine, Way::Anew, what);
                    "asked anew"
                }
            };
            settled.push(Settlement {
                subject: what.to_owned(),
                lines: vec![line.to_owned()],
                diff: None,
                certainty: Certainty::Assumed,
            });
        }
        for what in before.iter().filter_map(|known| subject(known)) {
            if !subjects.contains(what) {
                self.note(&effect.machine, Way::NoLonger, what);
            }
        }
        match known.and_then(|known| known.told.as_ref()) {
            // Who could not be reached would not be reached with another list either.
            Some(Err(error)) if !matches!(error, EffectError::Failed(_)) => Err(error.clone()),
            _ => Ok(assumed(Found::Settled(settled))),
        }
    }
}

impl Compared {
    /// A layer that knows what a run has been through.
    pub fn new(past: Past) -> Self {
        Self {
            past,
            turns: Mutex::default(),
        }
    }

    /// Every turn of the record and of this time, once the engine is through.
    pub fn told(&self) -> BTreeMap<TurnName, Comparison> {
        let mut turns = self.turns().clone();
        for (name, past) in self.past.current() {
            let comparison = turns.entry(name.clone()).or_default();
            if comparison.stopped.is_some() || name.hook == Hook::Foresee {
                continue;
            }
            for (at, effect) in &past.effects {
                if !comparison.used.contains(at) && effect.verb != "pause" {
                    let what = described(&effect.verb, &effect.asked);
                    comparison.note(&effect.machine, Way::NoLonger, &what);
                }
            }
        }
        turns
    }

    fn turns(&self) -> MutexGuard<'_, BTreeMap<TurnName, Comparison>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Effects for Compared {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        let asked = Asked::of(&effect).map_err(|error| EffectError::other(error.to_string()))?;
        let name = TurnName::from(effect.turn.as_ref());
        let past = self.past.turn(&name);
        let mut turns = self.turns();
        let turn = turns.entry(name).or_default();
        if let Some(reason) = turn.stopped.clone() {
            return Err(EffectError::Diverged { reason });
        }
        if let Some((at, known)) = turn.unused(past, |known| known.digest == asked.digest) {
            turn.used.insert(at);
            let Some(told) = &known.told else {
                return Err(turn.stop("the record ends here".to_owned()));
            };
            turn.same += 1;
            return told.clone();
        }
        match &effect.act {
            Act::Pause(_) => Ok(Outcome::exact(Found::Paused)),
            act if act.changes() && !effect.may_change() => Err(EffectError::Foreseen),
            Act::Ensure(_) => turn.list(&effect, &asked, past),
            Act::Run { .. } => {
                let what = described("run", &asked.value);
                turn.note(&effect.machine, Way::Anew, &what);
                Ok(assumed(Found::Ran(None)))
            }
            act => {
                let what = described(act.verb(), &asked.value);
                turn.note(&effect.machine, Way::Anew, &what);
                Err(turn.stop(format!("the record has no answer to `{what}`")))
            }
        }
    }
}

fn assumed(found: Found) -> Outcome {
    Outcome {
        found,
        certainty: Certainty::Assumed,
    }
}

fn wishes(asked: &Value) -> impl Iterator<Item = &Value> {
    asked.as_array().into_iter().flatten()
}

fn subject(wish: &Value) -> Option<&str> {
    wish.get("item")?.as_str()
}

/// An effect in a few words.
fn described(verb: &str, asked: &Value) -> String {
    let argv = asked.pointer("/command/argv").or(asked.get("argv"));
    let words: Vec<&str> = match argv {
        Some(argv) => wishes(argv).filter_map(Value::as_str).collect(),
        None if asked.is_array() => wishes(asked).filter_map(subject).collect(),
        None => ["path", "name", "address"]
            .iter()
            .filter_map(|key| asked.get(key)?.as_str())
            .collect(),
    };
    format!("{verb} {}", words.join(" ")).trim_end().to_owned()
}
