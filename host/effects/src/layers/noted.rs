//! Writes down what a dry run foresees.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use cellhost_plan::MachineName;

use crate::agreement::open_words;
use crate::record::{EffectName, TurnName};
use crate::{
    Act, AgreedChange, AgreedCommand, AgreedEffect, AgreedWish, Agreement, Certainty, Consent,
    Effect, EffectError, Effects, Found, Outcome, Overseer, Prospect, Vault,
};

/// What was foreseen so far.
pub struct Notes {
    salt: String,
    vault: Arc<Vault>,
    written: Mutex<Written>,
}

#[derive(Default)]
struct Written {
    effects: Vec<AgreedEffect>,
    /// Words of answers that were assumed, by turn.
    assumed: HashMap<TurnName, BTreeSet<String>>,
}

impl Notes {
    /// Nothing yet. The values of the vault are taken out of whatever is written down.
    pub fn new(salt: &str, vault: Arc<Vault>) -> Arc<Self> {
        Arc::new(Self {
            salt: salt.to_owned(),
            vault,
            written: Mutex::default(),
        })
    }

    /// All of it, in the order of modules and their turns.
    pub fn agreement(&self) -> Agreement {
        let mut effects = self.written().effects.clone();
        effects.sort_by(|one, other| one.name.cmp(&other.name));
        Agreement {
            salt: self.salt.clone(),
            effects,
        }
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, effect: AgreedEffect) {
        self.written().effects.push(effect);
    }
}

/// Writes down what the layer below, a preview, holds back.
pub struct Noted<E> {
    inner: E,
    notes: Arc<Notes>,
}

impl<E: Effects> Noted<E> {
    /// A layer over another that writes to these notes.
    pub fn new(inner: E, notes: Arc<Notes>) -> Self {
        Self { inner, notes }
    }
}

#[async_trait]
impl<E: Effects> Effects for Noted<E> {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        let (name, machine) = (EffectName::from(&effect), effect.machine.clone());
        let act = effect.act.clone();
        let scribe = Scribe {
            notes: self.notes.clone(),
            name: name.clone(),
            machine: machine.clone(),
        };
        let effect = Effect {
            consent: Consent::of(Arc::new(scribe)),
            ..effect
        };
        let outcome = self.inner.perform(effect).await?;
        match (&act, &outcome.found) {
            (Act::Run { command, .. }, _) => {
                let assumed = self.notes.written().assumed.get(&name.turn).cloned();
                let assumed = assumed.unwrap_or_default();
                let salt = &self.notes.salt;
                let command = AgreedCommand::of(command, outcome.certainty, &assumed, salt);
                let change = AgreedChange::Runs(command);
                self.notes.add(AgreedEffect {
                    name,
                    machine,
                    change,
                });
            }
            (Act::Probe { .. }, Found::Answer(answer))
                if outcome.certainty == Certainty::Assumed =>
            {
                let mut written = self.notes.written();
                let words = written.assumed.entry(name.turn).or_default();
                words.extend(open_words(&answer.output));
            }
            _ => {}
        }
        Ok(outcome)
    }
}

/// Hears of the parts of one list.
struct Scribe {
    notes: Arc<Notes>,
    name: EffectName,
    machine: MachineName,
}

#[async_trait]
impl Overseer for Scribe {
    async fn judge(&self, about: Vec<Prospect>) -> Result<(), String> {
        let wishes = about.into_iter().map(|mut foreseen| {
            for line in &mut foreseen.lines {
                self.notes.vault.scrub_text(line);
            }
            AgreedWish::of(&foreseen, &self.notes.salt)
        });
        let change = AgreedChange::Settles(wishes.collect());
        self.notes.add(AgreedEffect {
            name: self.name.clone(),
            machine: self.machine.clone(),
            change,
        });
        Ok(())
    }
}
