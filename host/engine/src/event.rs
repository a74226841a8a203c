//! What happens during a run, for whoever shows or records it.

use std::time::Duration;

use cellhost_effects::{Certainty, Hook, Settlement};
use cellhost_plan::{InstanceName, MachineName, PhaseName};
use cellhost_runtime::Level;
use tokio::sync::mpsc::UnboundedSender;

use crate::{Evidence, Status, Summary};

/// Where events go. The receiver must keep up; nothing waits for it.
pub type Events = UnboundedSender<Event>;

/// Something that happened during a run.
#[derive(Debug, Clone)]
pub enum Event {
    /// A phase began.
    Phase(PhaseName),
    /// A barrier asked every server once more; what it has seen by now.
    Barrier(Evidence),
    /// A module began.
    Module {
        /// Its name in the plan.
        module: InstanceName,
        /// Its version.
        version: semver::Version,
        /// How many machines it goes to.
        machines: usize,
    },
    /// Something about one turn.
    Turn {
        /// The module's name in the plan.
        module: InstanceName,
        /// The hook.
        hook: Hook,
        /// The machine, where the hook takes one.
        machine: Option<MachineName>,
        /// What.
        happening: Happening,
    },
    /// A module ended.
    ModuleEnded {
        /// Its name in the plan.
        module: InstanceName,
        /// How; the worst of its turns.
        status: Status,
        /// How long it took.
        took: Duration,
    },
    /// The run ended.
    Ended(Summary),
}

impl Event {
    /// The same of another hook, where it is about a turn.
    pub(crate) fn of(mut self, other: Hook) -> Self {
        if let Self::Turn { hook, .. } = &mut self {
            *hook = other;
        }
        self
    }
}

/// Something about one turn.
#[derive(Debug, Clone)]
pub enum Happening {
    /// It began.
    Began,
    /// It says what it is doing.
    Doing(String),
    /// It says something.
    Said(Level, String),
    /// Wishes were settled on a machine; only those that changed are listed.
    Settled {
        /// Where.
        machine: MachineName,
        /// What changed.
        changed: Vec<Settlement>,
    },
    /// The host waits for a machine.
    Waiting {
        /// For what, and how it is so far.
        why: String,
        /// How long it has waited.
        waited: Duration,
        /// How long it goes on waiting at most.
        patience: Duration,
    },
    /// A machine writes something while it is changed.
    Wrote {
        /// Where.
        machine: MachineName,
        /// One line, as the machine wrote it, without the values of secrets.
        line: String,
    },
    /// A command that changes a machine ran, or would.
    Ran {
        /// Where.
        machine: MachineName,
        /// The command.
        argv: Vec<String>,
        /// Its exit status; none where it was not sent.
        status: Option<i32>,
        /// How sure that is.
        certainty: Certainty,
    },
    /// Something was looked at.
    Looked {
        /// Where.
        machine: MachineName,
        /// The verb.
        verb: &'static str,
        /// How sure the answer is.
        certainty: Certainty,
    },
    /// An effect is about to be tried again.
    Retrying {
        /// Where.
        machine: MachineName,
        /// How often it was tried.
        attempts: u32,
        /// When it is tried again.
        pause: Duration,
        /// Why.
        reason: String,
    },
    /// An effect had no outcome.
    Failed {
        /// Where.
        machine: MachineName,
        /// The verb.
        verb: &'static str,
        /// Why.
        reason: String,
    },
    /// It ended.
    Ended {
        /// How.
        status: Status,
        /// What a person can do about its failure.
        hints: Vec<&'static str>,
        /// How long it took.
        took: Duration,
    },
}
