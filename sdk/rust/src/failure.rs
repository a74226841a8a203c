use std::fmt;

use crate::bindings::cellhost::exec::exec::Error as ExecError;
use crate::bindings::cellhost::facts::facts::Error as FactsError;
use crate::bindings::cellhost::files::files::Error as FilesError;
use crate::bindings::cellhost::net::net::Error as NetError;
use crate::bindings::cellhost::state::state::Error as StateError;
use crate::bindings::cellhost::template::template::Error as TemplateError;
use crate::bindings::exports::cellhost::module::lifecycle::Failure as Exported;

/// Why a hook gave up.
///
/// Every error of the host's interfaces turns into one, so `?` works on all of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Failure {
    /// Going on would be dangerous; what was found and what the operator can do.
    Refused(String),
    /// Something did not work.
    Failed(String),
    /// Anything else.
    Other(String),
}

impl Failure {
    /// Refuses to go on: says what was found and what the operator can do.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::Refused(message.into())
    }

    /// Says what did not work.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    /// Puts words before the message, such as the member that it is about.
    pub fn about(self, subject: &str) -> Self {
        match self {
            Self::Refused(message) => Self::Refused(format!("{subject}: {message}")),
            Self::Failed(message) => Self::Failed(format!("{subject}: {message}")),
            Self::Other(message) => Self::Other(format!("{subject}: {message}")),
        }
    }

    /// Returns the words.
    pub fn message(&self) -> &str {
        match self {
            Self::Refused(message) | Self::Failed(message) | Self::Other(message) => message,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.message())
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for Exported {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(message) => Self::Refused(message),
            Failure::Failed(message) => Self::Failed(message),
            Failure::Other(message) => Self::Other(message),
        }
    }
}

impl From<ExecError> for Failure {
    fn from(error: ExecError) -> Self {
        match error {
            ExecError::Denied(rule) => Self::Failed(denied(&rule)),
            ExecError::Deadline(last) => Self::Failed(format!("no end in time: {last}")),
            ExecError::Unreachable(stage) => Self::Failed(unreachable(&stage)),
            ExecError::Other(message) => Self::Other(message),
        }
    }
}

impl From<FactsError> for Failure {
    fn from(error: FactsError) -> Self {
        match error {
            FactsError::Denied(rule) => Self::Failed(denied(&rule)),
            FactsError::Unreachable(stage) => Self::Failed(unreachable(&stage)),
            FactsError::Other(message) => Self::Other(message),
        }
    }
}

impl From<FilesError> for Failure {
    fn from(error: FilesError) -> Self {
        match error {
            FilesError::Denied(rule) => Self::Failed(denied(&rule)),
            FilesError::NotFound => Self::Failed("there is no such file".to_owned()),
            FilesError::TooLarge(size) => {
                Self::Failed(format!("the file is longer than allowed: {size} bytes"))
            }
            FilesError::Unreachable(stage) => Self::Failed(unreachable(&stage)),
            FilesError::Other(message) => Self::Other(message),
        }
    }
}

impl From<NetError> for Failure {
    fn from(error: NetError) -> Self {
        match error {
            NetError::Denied(rule) => Self::Failed(denied(&rule)),
            NetError::Refused => Self::Failed("nobody listens there".to_owned()),
            NetError::Deadline => Self::Failed("no answer in time".to_owned()),
            NetError::Unreachable(stage) => Self::Failed(unreachable(&stage)),
            NetError::Other(message) => Self::Other(message),
        }
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Denied(rule) => Self::Failed(denied(&rule)),
            StateError::Invalid(message) => Self::Failed(format!("invalid wish: {message}")),
            StateError::Failed(failure) => {
                let troubles = failure.troubles.iter();
                let words: Vec<String> = troubles
                    .map(|trouble| format!("wish {}: {}", trouble.index, trouble.message))
                    .collect();
                Self::Failed(words.join("; "))
            }
            StateError::Unreachable(stage) => Self::Failed(unreachable(&stage)),
            StateError::Other(message) => Self::Other(message),
        }
    }
}

impl From<TemplateError> for Failure {
    fn from(error: TemplateError) -> Self {
        match error {
            TemplateError::UnknownTemplate(name) => {
                Self::Failed(format!("there is no template `{name}`"))
            }
            TemplateError::UndefinedVariable(which) => {
                Self::Failed(format!("undefined variable: {which}"))
            }
            TemplateError::Invalid(message) => Self::Failed(message),
            TemplateError::Other(message) => Self::Other(message),
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Failed(format!("cannot turn this into JSON: {error}"))
    }
}

fn denied(rule: &str) -> String {
    format!("denied: {rule}")
}

fn unreachable(stage: &str) -> String {
    format!("unreachable: {stage}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_mark_keeps_the_hosts_words() {
        fn hook() -> Result<(), Failure> {
            Err(ExecError::Deadline("last answer: status 1".to_owned()))?
        }
        assert_eq!(
            hook(),
            Err(Failure::failed("no end in time: last answer: status 1"))
        );
    }

    #[test]
    fn words_put_before_keep_the_kind() {
        assert_eq!(
            Failure::refused("holds 3 keys").about("db1:7000"),
            Failure::refused("db1:7000: holds 3 keys")
        );
    }
}
