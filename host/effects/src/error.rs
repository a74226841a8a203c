//! Why an effect has no outcome.

use cellhost_transport::{Cause, CourierError, Stage};

use serde::{Deserialize, Serialize};

use crate::{Failure, Settlement};

/// Why an effect has no outcome. Each case is one that a module can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum EffectError {
    /// The module may not do this.
    #[error("denied: {rule}")]
    Denied {
        /// The rule that decided, and how to change it.
        rule: String,
    },
    /// The request makes no sense, whatever the machine.
    #[error("{reason}")]
    Invalid {
        /// What is wrong with it.
        reason: String,
    },
    /// Some wishes of a list could not be met; those that do not need them are settled.
    #[error("{0}")]
    Failed(Box<Failure>),
    /// It is not what was agreed to, and was not sent.
    #[error("{reason}")]
    NotAgreed {
        /// What differs.
        reason: String,
        /// What became of the part of the list before it.
        settlements: Vec<Settlement>,
    },
    /// The machine could not be reached, or was lost.
    #[error("{reason}")]
    Unreachable {
        /// At which stage and why.
        reason: String,
        /// Whether a change may have happened.
        in_doubt: bool,
        /// Whether it would be so again at once, such as a key that is wrong.
        lasting: bool,
    },
    /// Another run may change the machine, and this one may not. Nothing was sent.
    #[error("{reason}")]
    Leased {
        /// Whose the machine is, and what a person can do.
        reason: String,
        /// Why it cannot be anybody's, where that is known.
        cause: Option<Cause>,
    },
    /// The operator asked to stop.
    #[error("interrupted")]
    Interrupted {
        /// Whether a change may have happened.
        in_doubt: bool,
    },
    /// It would change the machine, and the turn only asks whether anything would.
    #[error("this would change the machine")]
    Foreseen,
    /// It did not end in time.
    #[error("{reason}")]
    Deadline {
        /// What took so long.
        reason: String,
    },
    /// There is no regular file there.
    #[error("there is no file at `{path}`")]
    NotFound {
        /// Where.
        path: String,
    },
    /// The file is too long.
    #[error("the file is {bytes} bytes long, more than was allowed")]
    TooLarge {
        /// Its length.
        bytes: u64,
    },
    /// Nobody listens at the port.
    #[error("nobody listens there")]
    PortClosed,
    /// The record of the run tells of another question at this place. Ends the turn.
    #[error("not as on record: {reason}")]
    Diverged {
        /// What was asked then and now.
        reason: String,
    },
    /// Nobody knows whether a command ran, and it says that a person has to decide. Ends the turn.
    #[error("nobody knows whether `{command}` ran on {machine}")]
    Undecided {
        /// The effect's name, to answer with.
        effect: String,
        /// Where.
        machine: String,
        /// The program and its arguments.
        command: String,
    },
    /// Anything else.
    #[error("{reason}")]
    Other {
        /// In words.
        reason: String,
    },
}

impl EffectError {
    /// An error for a request that makes no sense.
    pub fn invalid(reason: impl Into<String>) -> Self {
        Self::Invalid {
            reason: reason.into(),
        }
    }

    /// Whether it ends the turn whatever the module makes of it.
    pub fn ends_turn(&self) -> bool {
        matches!(
            self,
            Self::NotAgreed { .. } | Self::Diverged { .. } | Self::Undecided { .. }
        )
    }

    /// Whether it says nothing about the machine: trouble on the way there, or a time that ran
    /// out. What is met again at once would not be met later.
    pub(crate) fn is_trouble(&self) -> bool {
        match self {
            Self::Denied { .. }
            | Self::Invalid { .. }
            | Self::NotFound { .. }
            | Self::TooLarge { .. }
            | Self::PortClosed
            | Self::Foreseen => false,
            Self::Failed(_)
            | Self::NotAgreed { .. }
            | Self::Unreachable { .. }
            | Self::Leased { .. }
            | Self::Interrupted { .. }
            | Self::Deadline { .. }
            | Self::Diverged { .. }
            | Self::Undecided { .. }
            | Self::Other { .. } => true,
        }
    }

    /// Whether a command that ended so may have run.
    pub(crate) fn leaves_doubt(&self) -> bool {
        match self {
            Self::Unreachable { in_doubt, .. } | Self::Interrupted { in_doubt } => *in_doubt,
            // A command whose time ran out was ended, and did something until then.
            Self::Deadline { .. } | Self::Other { .. } => true,
            Self::Denied { .. }
            | Self::Invalid { .. }
            | Self::Failed(_)
            | Self::Leased { .. }
            | Self::NotAgreed { .. }
            | Self::NotFound { .. }
            | Self::TooLarge { .. }
            | Self::PortClosed
            | Self::Foreseen
            | Self::Diverged { .. }
            | Self::Undecided { .. } => false,
        }
    }

    /// An error that fits nowhere else.
    pub fn other(reason: impl Into<String>) -> Self {
        Self::Other {
            reason: reason.into(),
        }
    }
}

impl From<CourierError> for EffectError {
    fn from(error: CourierError) -> Self {
        match &error {
            CourierError::Unreachable {
                in_doubt, stage, ..
            } => Self::Unreachable {
                reason: error.to_string(),
                in_doubt: *in_doubt,
                lasting: matches!(
                    stage,
                    Stage::Resolve | Stage::HostKey | Stage::Authenticate | Stage::Become
                ),
            },
            CourierError::Deadline { .. } => Self::Deadline {
                reason: error.to_string(),
            },
            CourierError::Garbled { .. } | CourierError::Unfit { .. } => Self::Other {
                reason: error.to_string(),
            },
        }
    }
}
