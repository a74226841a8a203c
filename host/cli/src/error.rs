//! How a command fails.

use std::process::ExitCode;

/// Says what sort of failure it is; each has an exit code of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It was tried and did not work.
    Failed,
    /// The arguments or the plan are wrong, so nothing was tried.
    Usage,
    /// Some machines failed and others did not.
    SomeMachines,
    /// Someone stopped it.
    Interrupted,
    /// The program itself is at fault.
    Bug,
}

impl Kind {
    /// Returns the exit code that tells a script what sort of failure it was.
    pub(crate) fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::SomeMachines => 3,
            Self::Interrupted => 130,
            Self::Bug => 70,
        })
    }
}

/// Ends a command, with the reason and what may help.
#[derive(Debug)]
pub(crate) struct CommandError {
    /// What sort of failure it is.
    pub(crate) kind: Kind,
    /// What went wrong, with its causes.
    pub(crate) error: anyhow::Error,
    /// What the user could do next, one line each.
    pub(crate) hints: Vec<String>,
}

impl CommandError {
    /// Wraps an error that no hint is known for.
    pub(crate) fn new(kind: Kind, error: impl Into<anyhow::Error>) -> Self {
        Self {
            kind,
            error: error.into(),
            hints: Vec::new(),
        }
    }

    /// Adds a line on what the user could do next.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds one where there is one.
    pub(crate) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hints.extend(hint);
        self
    }
}
