//! How much the answers are worth that turns have been given.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cellhost_plan::InstanceName;

use crate::record::TurnName;
use crate::{Certainty, Hook, Turn};

/// What a turn asks for, it asks for because of what it was told before: no later effect of it is
/// surer than the least sure answer.
#[derive(Default)]
pub(super) struct Trust(Mutex<Told>);

#[derive(Default)]
struct Told {
    turns: HashMap<TurnName, Certainty>,
    /// Turns that held something back, on whichever machine.
    changing: HashSet<TurnName>,
    /// The same by module and hook.
    hooks: HashSet<(InstanceName, Hook)>,
}

impl Trust {
    /// How sure it is that a turn asks for what it asks for.
    pub(super) fn of(&self, turn: &Turn) -> Certainty {
        let told = self.told();
        let known = told.turns.get(&TurnName::from(turn));
        known.copied().unwrap_or(turn.given).max(turn.given)
    }

    /// Takes up how sure an answer is that a turn is given.
    pub(super) fn lower(&self, turn: &Turn, certainty: Certainty) {
        if certainty == Certainty::Exact {
            return;
        }
        let mut told = self.told();
        let known = told.turns.entry(TurnName::from(turn)).or_insert(certainty);
        *known = certainty.max(*known);
    }

    /// Takes up that something was held back for a turn.
    pub(super) fn change(&self, turn: &Turn) {
        let mut told = self.told();
        told.changing.insert(TurnName::from(turn));
        told.hooks.insert((turn.module.clone(), turn.hook));
    }

    /// Whether what a program of any machine says of others may be about a cell that the real run
    /// will not meet: this turn has held something back, or another hook of its module has, which
    /// came before. What others of the same hook do at the same time is not asked, since nobody
    /// can say which of them is first.
    pub(super) fn is_doubtful(&self, turn: &Turn) -> bool {
        let told = self.told();
        let before =
            |(module, hook): &(InstanceName, Hook)| *module == turn.module && *hook != turn.hook;
        told.changing.contains(&TurnName::from(turn)) || told.hooks.iter().any(before)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
