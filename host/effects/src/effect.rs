//! What a module asks of a machine.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cellhost_plan::{InstanceName, MachineName, SecretName};
use cellhost_transport::{Answer, resources};

use crate::{Certainty, Consent, EffectError, Item, Listener, Outcome, Rights, Templates};

/// Performs effects. Implemented by every layer.
#[async_trait]
pub trait Effects: Send + Sync {
    /// Performs one effect, or says why not.
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError>;

    /// Hears how a turn ended, once nothing more comes from it. Layers that keep no record need
    /// not listen; one that stands above the record hands it on.
    fn ended(&self, _turn: &Turn, _ending: Ending) {}
}

/// How a turn ended, for the record.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Ending {
    /// Whether it did what it should. A resumed run takes up again what did not.
    pub good: bool,
    /// The word for it.
    pub status: String,
    /// How many things it changed.
    pub changes: usize,
    /// Why it is not good, where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One thing that a turn asks of one machine.
#[derive(Debug, Clone)]
pub struct Effect {
    /// The turn that asks.
    pub turn: Arc<Turn>,
    /// Its place among the effects of its turn, from 0.
    pub sequence: u32,
    /// The machine it is about.
    pub machine: MachineName,
    /// What is asked.
    pub act: Act,
    /// Hears what the machine writes meanwhile.
    pub listener: Listener,
    /// Is asked before anything of a list is settled.
    pub consent: Consent,
}

impl Effect {
    /// Whether it may change its machine. What a foreseeing turn asks never does.
    pub fn may_change(&self) -> bool {
        self.act.changes() && self.turn.hook != Hook::Foresee
    }

    /// Returns the same effect asking something else: how a layer passes on a translation.
    pub fn asking(&self, act: Act) -> Self {
        Self {
            act,
            ..self.clone()
        }
    }
}

/// One call of a module's hook.
#[derive(Debug)]
pub struct Turn {
    /// The module's name in the plan.
    pub module: InstanceName,
    /// The module's version.
    pub version: semver::Version,
    /// Which hook.
    pub hook: Hook,
    /// The machine the hook was called with, where it takes one.
    pub machine: Option<MachineName>,
    /// How many turns of this module, hook and machine came before it in this run.
    pub round: u32,
    /// How sure it is what other modules have told this one while they ran.
    pub given: Certainty,
    /// What the module may do.
    pub rights: Arc<Rights>,
    /// The module's templates.
    pub templates: Arc<Templates>,
}

/// The hooks of a module.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Hook {
    /// Judges the plan.
    Validate,
    /// What later modules are told.
    Outputs,
    /// The order of a rolling change.
    Order,
    /// Brings one machine to where it should be.
    Apply,
    /// Asks `apply` of one machine whether it would change anything; ends where it would.
    Foresee,
    /// Founds or mends the cluster.
    Form,
    /// How one member is.
    Health,
    /// Takes the module off a machine.
    Remove,
    /// The host's own, between turns: it asks who is there, and waits. No module has it.
    Gate,
}

impl Hook {
    /// Whether what it is told counts only at the time: who was healthy an hour ago may be dead.
    pub fn is_momentary(self) -> bool {
        matches!(self, Self::Health | Self::Order | Self::Gate)
    }

    /// Whether the hook may change machines, or only look at them.
    pub fn changes_machines(self) -> bool {
        !matches!(self, Self::Health | Self::Order)
    }

    /// Whether the hook may ask things of machines at all.
    pub fn reaches_machines(self) -> bool {
        !matches!(self, Self::Validate | Self::Outputs)
    }
}

impl std::fmt::Display for Hook {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Validate => "validate",
            Self::Outputs => "outputs",
            Self::Order => "order",
            Self::Apply => "apply",
            Self::Foresee => "foresee",
            Self::Form => "form",
            Self::Health => "health",
            Self::Remove => "remove",
            Self::Gate => "gate",
        })
    }
}

/// What is asked.
#[derive(Debug, Clone)]
pub enum Act {
    /// Bring the machine to a state.
    Ensure(Vec<Item>),
    /// Run a command that only looks.
    Probe {
        /// The command.
        command: Command,
        /// What to answer in a dry run that held changes back.
        assumed: Option<Answer>,
    },
    /// Repeat a command that only looks until its answer shows a sign.
    Wait {
        /// The command.
        command: Command,
        /// What to look for.
        sign: Sign,
        /// How long to go on.
        patience: Duration,
    },
    /// Run a command that changes the machine.
    Run {
        /// The command.
        command: Command,
        /// What a resumed run does about it if nobody knows whether it ran.
        doubt: Doubt,
    },
    /// Read a regular file.
    Read {
        /// Where.
        path: String,
        /// Longest content wanted.
        limit: u32,
    },
    /// Read the outside of a file.
    Status {
        /// Where.
        path: String,
    },
    /// List a directory.
    Entries {
        /// Where.
        path: String,
    },
    /// Talk to a port.
    Dial {
        /// The question.
        dial: Dial,
        /// What to answer in a dry run that held changes back.
        assumed: Option<Vec<u8>>,
    },
    /// Tell a fact about the machine.
    Fact {
        /// Its name.
        name: String,
    },
    /// Let time pass. Asked by the host between turns, never by modules.
    Pause(Duration),
    /// Keep something in the record that the host found out between turns. Asked by the host,
    /// never by modules; no machine hears of it.
    Note {
        /// The kind of record that it becomes.
        kind: &'static str,
        /// What was found out.
        body: serde_json::Value,
    },
    /// Tell how things stand. Asked by layers, never by modules.
    Look(Vec<resources::Identity>),
}

impl Act {
    /// The verb of the act, as it stands in journals and events.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Ensure(_) => "ensure",
            Self::Probe { .. } => "probe",
            Self::Wait { .. } => "wait",
            Self::Run { .. } => "run",
            Self::Read { .. } => "read",
            Self::Status { .. } => "status",
            Self::Entries { .. } => "entries",
            Self::Dial { .. } => "dial",
            Self::Fact { .. } => "fact",
            Self::Pause(_) => "pause",
            Self::Note { .. } => "note",
            Self::Look(_) => "look",
        }
    }

    /// Whether it may change the machine.
    pub fn changes(&self) -> bool {
        matches!(self, Self::Ensure(_) | Self::Run { .. })
    }

    /// The command of the act, where it has one.
    pub fn command(&self) -> Option<&Command> {
        match self {
            Self::Probe { command, .. }
            | Self::Wait { command, .. }
            | Self::Run { command, .. } => Some(command),
            _ => None,
        }
    }
}

/// A text that is given, or the name of a secret.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Text {
    /// The text itself.
    Plain(String),
    /// The value of this secret.
    Secret(SecretName),
}

/// What a program reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Nothing.
    Nothing,
    /// These bytes.
    Bytes(Vec<u8>),
    /// The value of this secret.
    Secret(SecretName),
}

/// A program to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// What it reads.
    pub input: Input,
    /// Variables set for it.
    pub environment: Vec<(String, Text)>,
    /// The user it runs as.
    pub user: Option<String>,
    /// When it is ended.
    pub deadline: Duration,
}

/// What a resumed run does about a change that may or may not have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// Do it again.
    Again,
    /// Stop and ask.
    Ask,
    /// It happened if this command ends with status 0.
    Verify(Command),
}

/// What a wait looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    /// The exit status.
    pub status: i32,
    /// What standard output has to contain.
    pub contains: String,
}

impl Sign {
    /// Whether an answer shows the sign.
    pub fn shows_in(&self, answer: &Answer) -> bool {
        answer.status == self.status
            && String::from_utf8_lossy(&answer.output).contains(&self.contains)
    }
}

/// A question to a port, as seen from the effect's machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial {
    /// Address or name.
    pub address: String,
    /// Port.
    pub port: u16,
    /// What to send.
    pub send: Vec<u8>,
    /// How many bytes to wait for at most.
    pub limit: u32,
    /// How long to wait at most.
    pub deadline: Duration,
}
