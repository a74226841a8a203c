//! Lets through what was agreed to, and nothing else that changes a machine.

mod ledger;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use cellhost_plan::{InstanceName, MachineName};

use crate::record::{EffectName, TurnName};
use crate::{
    Act, AgreedWish, Agreement, Command, Consent, Effect, EffectError, Effects, Outcome, Overseer,
    Prospect, Turn, Vault,
};

use ledger::{Claim, Ledger};

/// Decides about what was not agreed to.
#[async_trait]
pub trait Approval: Send + Sync {
    /// Whether it may be done all the same.
    async fn allows(&self, deviation: &Deviation) -> bool;
}

/// Something that was not agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    /// The module that wants it.
    pub module: InstanceName,
    /// The machine it is wanted of.
    pub machine: MachineName,
    /// What differs, one line each.
    pub lines: Vec<String>,
}

/// Never allows anything: for where nobody is there to be asked.
pub struct Never;

#[async_trait]
impl Approval for Never {
    async fn allows(&self, _: &Deviation) -> bool {
        false
    }
}

/// Lets through what was agreed to.
///
/// Each list is judged by what its look shows, right before it is settled, and each command before
/// it is sent. Once something of a turn was refused, nothing more of that turn goes on. Whatever
/// was agreed to is good for one time.
pub struct Agreed<E> {
    inner: E,
    judge: Arc<Judge>,
    refused: Mutex<HashMap<TurnName, String>>,
    /// The lists so far: one that is tried again is the same, and agreed to once.
    lists: Mutex<HashMap<EffectName, Arc<List>>>,
}

/// What lists and commands are judged by.
struct Judge {
    ledger: Mutex<Ledger>,
    salt: String,
    vault: Arc<Vault>,
    approval: Arc<dyn Approval>,
}

impl<E: Effects> Agreed<E> {
    /// A layer over another that is sent what is in the agreement, or what the approval allows.
    pub fn new(
        inner: E,
        agreement: Agreement,
        vault: Arc<Vault>,
        approval: Arc<dyn Approval>,
    ) -> Self {
        let salt = agreement.salt.clone();
        let judge = Judge {
            ledger: Mutex::new(Ledger::of(agreement)),
            salt,
            vault,
            approval,
        };
        Self {
            inner,
            judge: Arc::new(judge),
            refused: Mutex::default(),
            lists: Mutex::default(),
        }
    }

    fn list(&self, effect: &Effect) -> Arc<List> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let list = lists.entry(EffectName::from(effect)).or_insert_with(|| {
            Arc::new(List {
                judge: self.judge.clone(),
                turn: effect.turn.clone(),
                machine: effect.machine.clone(),
                claims: Mutex::default(),
            })
        });
        list.clone()
    }

    fn refusal(&self, turn: &Turn) -> Option<String> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.get(&TurnName::from(turn)).cloned()
    }

    fn refuse(&self, turn: &Turn, reason: &str) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.insert(TurnName::from(turn), reason.to_owned());
    }
}

#[async_trait]
impl<E: Effects> Effects for Agreed<E> {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        let turn = effect.turn.clone();
        if let Some(reason) = self.refusal(&turn) {
            return Err(not_agreed(reason));
        }
        let effect = match &effect.act {
            Act::Run { command, .. } => {
                if let Err(reason) = self.judge.command(&effect, command).await {
                    self.refuse(&turn, &reason);
                    return Err(not_agreed(reason));
                }
                effect
            }
            Act::Ensure(_) => {
                let list = self.list(&effect);
                Effect {
                    consent: Consent::of(list),
                    ..effect
                }
            }
            _ => effect,
        };
        let result = self.inner.perform(effect).await;
        if let Err(EffectError::NotAgreed { reason, .. }) = &result {
            self.refuse(&turn, reason);
        }
        result
    }
}

impl Judge {
    fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn command(&self, effect: &Effect, command: &Command) -> Result<(), String> {
        let (module, machine) = (&effect.turn.module, &effect.machine);
        if self.ledger().take(module, machine, command, &self.salt) {
            return Ok(());
        }
        let words = command.argv.join(" ");
        let line = format!("`{words}` was not agreed to, or not as often");
        self.decide(module, machine, vec![line]).await
    }

    async fn decide(
        &self,
        module: &InstanceName,
        machine: &MachineName,
        lines: Vec<String>,
    ) -> Result<(), String> {
        let deviation = Deviation {
            module: module.clone(),
            machine: machine.clone(),
            lines,
        };
        if self.approval.allows(&deviation).await {
            Ok(())
        } else {
            Err(format!("not agreed to: {}", deviation.lines.join("; ")))
        }
    }
}

/// Judges the parts of one list.
struct List {
    judge: Arc<Judge>,
    turn: Arc<Turn>,
    machine: MachineName,
    /// What wishes were let through by: those that have to be looked at again are judged anew.
    claims: Mutex<BTreeMap<usize, Claim>>,
}

#[async_trait]
impl Overseer for List {
    async fn judge(&self, about: Vec<Prospect>) -> Result<(), String> {
        let lines: Vec<String> = {
            let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
            let mut ledger = self.judge.ledger();
            let judged = about.into_iter().filter_map(|mut foreseen| {
                if let Some(claim) = claims.remove(&foreseen.place) {
                    ledger.release(&claim);
                }
                for line in &mut foreseen.lines {
                    self.judge.vault.scrub_text(line);
                }
                let wish = AgreedWish::of(&foreseen, &self.judge.salt);
                match ledger.claim(&self.turn.module, &self.machine, &wish) {
                    Ok(claim) => {
                        claims.insert(foreseen.place, claim);
                        None
                    }
                    Err(why) => Some(format!(
                        "{}: {} ({why})",
                        wish.subject,
                        wish.lines.join(", ")
                    )),
                }
            });
            judged.collect()
        };
        if lines.is_empty() {
            return Ok(());
        }
        self.judge
            .decide(&self.turn.module, &self.machine, lines)
            .await
    }
}

fn not_agreed(reason: String) -> EffectError {
    EffectError::NotAgreed {
        reason,
        settlements: Vec::new(),
    }
}
