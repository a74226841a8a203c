use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::phase::Phase;
use crate::problem::Problem;

/// The longest name of anything: names become file names on machines and here.
const LONGEST: usize = 128;

/// Checks a name of lower-case letters, digits and `-` that begins with a letter.
pub fn check_word(kind: &str, text: &str) -> Result<(), Problem> {
    let rule = "lower-case letters, digits and `-`, beginning with a letter";
    let begins = |first: char| first.is_ascii_lowercase();
    let goes_on = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    check(kind, text, rule, begins, goes_on)
}

/// Checks a name of letters, digits, `.`, `_` and `-` that begins with a letter or a digit.
pub fn check_label(kind: &str, text: &str) -> Result<(), Problem> {
    let rule = "letters, digits, `.`, `_` and `-`, beginning with a letter or a digit";
    let begins = |first: char| first.is_ascii_alphanumeric();
    let goes_on = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    check(kind, text, rule, begins, goes_on)
}

fn check(
    kind: &str,
    text: &str,
    rule: &str,
    begins: impl Fn(char) -> bool,
    goes_on: impl Fn(char) -> bool,
) -> Result<(), Problem> {
    let help = format!("a {kind} is made of {rule}");
    if text.is_empty() {
        return Err(Problem::new(format!("the {kind} is empty")).help(help));
    }
    if text.len() > LONGEST {
        let message = format!("the {kind} is longer than {LONGEST} bytes");
        return Err(Problem::new(message));
    }
    let wrong = |(at, c): &(usize, char)| !goes_on(*c) || (*at == 0 && !begins(*c));
    match text.char_indices().find(wrong) {
        None => Ok(()),
        Some((at, c)) => Err(Problem::new(format!("`{text}` is not a {kind}"))
            .within(at..at + c.len_utf8())
            .help(help)),
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $check:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text and makes it a name.
            pub fn new(text: &str) -> Result<Self, Problem> {
                $check($kind, text)?;
                Ok(Self(text.into()))
            }

            /// Gives the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, formatter)
            }
        }

        impl FromStr for $name {
            type Err = Problem;

            fn from_str(text: &str) -> Result<Self, Problem> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Problem;

            fn try_from(text: String) -> Result<Self, Problem> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().to_owned()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.as_str() == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.as_str() == *other
            }
        }
    };
}

name!(
    /// The name of a cell.
    CellName,
    "cell name",
    check_word
);
name!(
    /// The name of a machine.
    MachineName,
    "machine name",
    check_label
);
name!(
    /// The name of one use of a module in a plan.
    InstanceName,
    "module instance name",
    check_word
);
name!(
    /// The name of a phase.
    PhaseName,
    "phase name",
    check_word
);
name!(
    /// The name of a secret, never its value.
    SecretName,
    "secret name",
    check_label
);

impl From<Phase> for PhaseName {
    fn from(phase: Phase) -> Self {
        Self(phase.as_str().into())
    }
}

impl InstanceName {
    /// Takes a text over that has been checked by the same rule already.
    pub(crate) fn unchecked(text: &str) -> Self {
        Self(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_could_be_a_path_or_an_option() {
        for text in ["", ".", "..", "-x", "a/b", "a b", "a\nb", "ä", "a\u{0}"] {
            assert!(MachineName::new(text).is_err(), "{text:?}");
            assert!(SecretName::new(text).is_err(), "{text:?}");
            assert!(CellName::new(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn points_at_the_first_wrong_character() {
        assert_eq!(CellName::new("orDers").unwrap_err().within, Some(2..3));
        assert_eq!(CellName::new("1a").unwrap_err().within, Some(0..1));
    }

    #[test]
    fn reads_only_valid_names_from_json() {
        assert!(serde_json::from_str::<MachineName>("\"db1\"").is_ok());
        assert!(serde_json::from_str::<MachineName>("\"../x\"").is_err());
    }
}
