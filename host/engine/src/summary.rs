//! How a run went, per module and machine.

use std::time::Duration;

use cellhost_effects::{Certainty, Ending, Hook};
use cellhost_plan::{InstanceName, MachineName};

use crate::Evidence;

/// How a run went.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// One row for each turn that ran or should have, in the order in which they ended.
    pub rows: Vec<Row>,
    /// How long the run took.
    pub took: Duration,
    /// Whether it was interrupted.
    pub interrupted: bool,
    /// What the barrier saw, where the run came to one.
    pub barrier: Option<Evidence>,
}

/// How one turn went.
#[derive(Debug, Clone)]
pub struct Row {
    /// The module's name in the plan.
    pub module: InstanceName,
    /// The hook.
    pub hook: Hook,
    /// The machine, where the hook takes one.
    pub machine: Option<MachineName>,
    /// How it ended.
    pub status: Status,
    /// What it changed, or would, however it ended.
    pub tally: Tally,
    /// What the module wants the operator to see.
    pub warnings: Vec<String>,
    /// What a person can do about its failure.
    pub hints: Vec<&'static str>,
    /// How long it took.
    pub took: Duration,
}

/// How many things changed, or would, by how sure that is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Certain to follow from what machines told.
    pub exact: usize,
    /// To be expected, if what only machines know is as expected.
    pub assumed: usize,
    /// Resting on what machines told that the real run will not meet.
    pub unknown: usize,
}

impl Tally {
    /// Counts one more.
    pub fn count(&mut self, certainty: Certainty) {
        match certainty {
            Certainty::Exact => self.exact += 1,
            Certainty::Assumed => self.assumed += 1,
            Certainty::Unknown => self.unknown += 1,
        }
    }

    /// How many there are of all kinds.
    pub fn all(&self) -> usize {
        self.exact + self.assumed + self.unknown
    }
}

/// How a turn ended, from best to worst.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Everything was as wished.
    Unchanged,
    /// So many things changed, or would.
    Changed(usize),
    /// It was not run; why.
    Skipped(String),
    /// The machine could not be reached; why.
    Unreachable(String),
    /// It failed; why.
    Failed(String),
}

impl Status {
    /// Whether the turn did what it should.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Unchanged | Self::Changed(_))
    }

    /// The same for the record.
    pub(crate) fn ending(&self) -> Ending {
        Ending {
            good: self.is_good(),
            status: self.word().to_owned(),
            changes: if let Self::Changed(count) = self {
                *count
            } else {
                0
            },
            reason: self.reason().map(str::to_owned),
        }
    }

    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Changed(_) => "changed",
            Self::Skipped(_) => "skipped",
            Self::Unreachable(_) => "unreachable",
            Self::Failed(_) => "failed",
        }
    }

    /// Why it is not good, where it is not.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Unchanged | Self::Changed(_) => None,
            Self::Skipped(reason) | Self::Unreachable(reason) | Self::Failed(reason) => {
                Some(reason)
            }
        }
    }
}

impl Summary {
    /// Whether every turn did what it should.
    pub fn is_good(&self) -> bool {
        !self.interrupted && self.rows.iter().all(|row| row.status.is_good())
    }

    /// Whether it stopped at a barrier that did not hold.
    pub fn is_before_barrier(&self) -> bool {
        let mut gates = self.rows.iter().filter(|row| row.hook == Hook::Gate);
        gates.any(|row| row.machine.is_none() && matches!(row.status, Status::Failed(_)))
    }

    /// Whether every turn of a module did what it should.
    pub fn is_good_for(&self, module: &InstanceName) -> bool {
        let mut rows = self.rows.iter().filter(|row| row.module == *module);
        !self.interrupted && rows.all(|row| row.status.is_good())
    }

    /// How many things changed, or would, in the turns that did what they should.
    pub fn tally(&self) -> Tally {
        let changed = |row: &&Row| matches!(row.status, Status::Changed(_));
        let mut tally = Tally::default();
        for row in self.rows.iter().filter(changed) {
            tally.exact += row.tally.exact;
            tally.assumed += row.tally.assumed;
            tally.unknown += row.tally.unknown;
        }
        tally
    }

    /// How many things changed, or would.
    pub fn changes(&self) -> usize {
        self.rows
            .iter()
            .map(|row| {
                if let Status::Changed(count) = row.status {
                    count
                } else {
                    0
                }
            })
            .sum()
    }

    /// How many turns ended with this word.
    pub fn count(&self, word: &str) -> usize {
        self.rows
            .iter()
            .filter(|row| row.status.word() == word)
            .count()
    }
}
