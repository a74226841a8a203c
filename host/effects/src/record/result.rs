//! What came of an effect, as it stands on record.

use serde::{Deserialize, Serialize};

use crate::{Certainty, EffectError, Found, Outcome};

/// What came of an effect, in full: a module that is given it cannot tell it from the first time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Told {
    /// An outcome.
    Outcome {
        /// How sure it is.
        certainty: Certainty,
        /// What was found or done.
        found: Found,
    },
    /// An error.
    Error {
        /// Why there is no outcome.
        error: EffectError,
    },
}

impl From<&Result<Outcome, EffectError>> for Told {
    fn from(result: &Result<Outcome, EffectError>) -> Self {
        match result {
            Ok(outcome) => Self::Outcome {
                certainty: outcome.certainty,
                found: outcome.found.clone(),
            },
            Err(error) => Self::Error {
                error: error.clone(),
            },
        }
    }
}

impl From<Told> for Result<Outcome, EffectError> {
    fn from(told: Told) -> Self {
        match told {
            Told::Outcome { certainty, found } => Ok(Outcome { found, certainty }),
            Told::Error { error } => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use cellhost_transport::{Cause, Trouble};

    use super::*;
    use crate::{Answer, Failure, FileKind, FileStatus, Missed, Settlement, Stopped};

    /// One of everything that can come of an effect.
    fn results() -> Vec<Result<Outcome, EffectError>> {
        let answer = Answer {
            status: 137,
            output: b"text\n".to_vec(),
            errors: vec![0xff, 0, 0xfe],
        };
        let settlement = Settlement {
            subject: "file /a".to_owned(),
            lines: vec!["content differs".to_owned()],
            diff: Some("--- a\n".to_owned()),
            certainty: Certainty::Assumed,
        };
        let status = FileStatus {
            kind: FileKind::Link,
            size: u64::MAX,
            mode: 0o777,
            owner: "root".to_owned(),
            group: "0".to_owned(),
        };
        let reason = || "a reason".to_owned();
        let failure = Failure {
            missed: vec![Missed {
                index: 1,
                subject: "service x".to_owned(),
                trouble: Trouble {
                    message: "dpkg: lock".to_owned(),
                    cause: Cause::Locked,
                },
            }],
            stopped: vec![Stopped {
                index: 2,
                subject: "file /b".to_owned(),
            }],
            settlements: vec![settlement.clone()],
        };
        let found = [
            Found::Settled(vec![settlement.clone()]),
            Found::Settled(Vec::new()),
            Found::Answer(answer.clone()),
            Found::Ran(Some(answer)),
            Found::Ran(None),
            Found::Bytes(vec![0, 159, 146, 150]),
            Found::Bytes(Vec::new()),
            Found::Bytes(br#"{"base64":"eA=="}"#.to_vec()),
            Found::Status(Some(status)),
            Found::Status(None),
            Found::Entries(vec!["a".to_owned(), String::new()]),
            Found::Dialed(b"imok".to_vec()),
            Found::Fact(Some("arm64".to_owned())),
            Found::Fact(None),
            Found::Paused,
        ];
        let errors = [
            EffectError::Denied { rule: reason() },
            EffectError::Invalid { reason: reason() },
            EffectError::Failed(Box::new(failure)),
            EffectError::Unreachable {
                lasting: false,
                reason: reason(),
                in_doubt: true,
            },
            EffectError::Interrupted { in_doubt: false },
            EffectError::Deadline { reason: reason() },
            EffectError::NotFound { path: "/a".into() },
            EffectError::TooLarge { bytes: 7 },
            EffectError::PortClosed,
            EffectError::NotAgreed {
                reason: reason(),
                settlements: vec![settlement.clone()],
            },
            EffectError::Diverged { reason: reason() },
            EffectError::Other { reason: reason() },
        ];
        let outcomes = found.into_iter().map(|found| Ok(Outcome::exact(found)));
        outcomes.chain(errors.into_iter().map(Err)).collect()
    }

    #[test]
    fn gives_back_exactly_what_came() {
        for result in results() {
            let text = serde_json::to_string(&Told::from(&result)).unwrap();
            let told: Told = serde_json::from_str(&text).unwrap();
            let back: Result<Outcome, EffectError> = told.into();
            assert_eq!(back, result, "{text}");
        }
    }
}
