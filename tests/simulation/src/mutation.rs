//! Hosts that are broken on purpose: every rule has to catch somebody.

mod forgetful;
mod late;
mod pretending;

use std::sync::Arc;

use cellhost_effects::Effects;
use cellhost_effects::layers::Journaled;
use cellhost_effects::record::Journal;

use crate::rule::Rule;
use crate::world::World;

use forgetful::Forgetful;
use late::Late;
use pretending::{Pretending, Pretext};

/// What of a host is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutation {
    /// The barrier takes every server for one that serves.
    BarrierBlind,
    /// The barrier is content with one server.
    BarrierMinority,
    /// Between the steps of a rolling change everybody counts as healthy.
    GateBlind,
    /// A rolling change takes two at a time.
    GateTwo,
    /// Rolling changes do not know of each other.
    HoldNone,
    /// Machines are changed without a lease.
    LeaseNone,
    /// A lease that was taken away is taken again.
    LeaseAgain,
    /// Where nobody can say whether a command ran, it runs again.
    Rash,
    /// An intent is written once its effect was sent.
    JournalLate,
    /// Nothing in the journal is made durable.
    JournalLoose,
    /// What came of a change is not written.
    JournalForgetful,
}

impl Mutation {
    /// Every one.
    pub const ALL: [Self; 11] = [
        Self::BarrierBlind,
        Self::BarrierMinority,
        Self::GateBlind,
        Self::GateTwo,
        Self::HoldNone,
        Self::LeaseNone,
        Self::LeaseAgain,
        Self::Rash,
        Self::JournalLate,
        Self::JournalLoose,
        Self::JournalForgetful,
    ];

    /// What is broken, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::BarrierBlind => "a barrier that does not wait",
            Self::BarrierMinority => "a barrier that is content with one server",
            Self::GateBlind => "a rolling change that does not wait for health",
            Self::GateTwo => "a rolling change that takes two at a time",
            Self::HoldNone => "rolling changes that do not know of each other",
            Self::LeaseNone => "changes without a lease",
            Self::LeaseAgain => "a lease that is taken again once it was taken away",
            Self::Rash => "a resume that runs again what nobody could decide about",
            Self::JournalLate => "a journal that gets intents once they are sent",
            Self::JournalLoose => "a journal that is not made durable",
            Self::JournalForgetful => "a journal without outcomes of changes",
        }
    }

    /// The rules of which one has to notice.
    pub fn caught_by(self) -> &'static [Rule] {
        match self {
            Self::BarrierBlind | Self::BarrierMinority => &[Rule::Barrier],
            Self::GateBlind | Self::GateTwo => &[Rule::Quorum],
            Self::HoldNone => &[Rule::Together],
            Self::LeaseNone | Self::LeaseAgain => &[Rule::Leased],
            Self::Rash => &[Rule::Undecided],
            Self::JournalLate => &[Rule::Unjournaled],
            Self::JournalLoose => &[Rule::Unjournaled, Rule::Twice],
            Self::JournalForgetful => &[Rule::Twice],
        }
    }

    /// The journal and what is broken about it, over the layers below it.
    pub fn stack(
        self,
        below: impl Effects + 'static,
        journal: &Arc<Journal>,
        world: &Arc<World>,
    ) -> Arc<dyn Effects> {
        let journal = journal.clone();
        let pretext = match self {
            Self::JournalLate => return Arc::new(Late::new(below, journal)),
            Self::JournalForgetful => return Arc::new(Forgetful::new(below, journal)),
            Self::BarrierBlind => Pretext::Barrier { least: 0 },
            Self::BarrierMinority => Pretext::Barrier { least: 1 },
            Self::GateBlind => Pretext::Health,
            Self::GateTwo
            | Self::HoldNone
            | Self::LeaseNone
            | Self::LeaseAgain
            | Self::Rash
            | Self::JournalLoose => {
                return Arc::new(Journaled::new(below, journal));
            }
        };
        let below = Pretending::new(below, pretext, world.shape().clone());
        Arc::new(Journaled::new(below, journal))
    }
}
