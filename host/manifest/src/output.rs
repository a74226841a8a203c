use std::fmt;
use std::str::FromStr;

use cellhost_plan::{Problem, Servers, check_address, did_you_mean, is_showable};
use serde::{Serialize, Serializer};

/// The longest value of an output, in bytes.
const LONGEST: usize = 64 << 10;

/// What kind of value an output has. No kind has an empty one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutputKind {
    /// Any text that can be shown.
    #[default]
    Text,
    /// A whole number, such as `42`.
    Number,
    /// A port, from 1 to 65535.
    Port,
    /// A name or an IP address.
    Address,
    /// A scheme and what belongs to it, such as `https://a.org/x`.
    Url,
    /// A list of servers, such as `10.0.0.1:2181,10.0.0.2:2181/orders`.
    Servers,
}

impl OutputKind {
    const ALL: [Self; 6] = [
        Self::Text,
        Self::Number,
        Self::Port,
        Self::Address,
        Self::Url,
        Self::Servers,
    ];

    /// Gives the word for it in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Port => "port",
            Self::Address => "address",
            Self::Url => "url",
            Self::Servers => "servers",
        }
    }

    /// Says what is wrong with a value that should be of this kind.
    pub fn check(self, value: &str) -> Result<(), Problem> {
        if value.trim().is_empty() {
            return Err(Problem::new("the value is empty"));
        }
        if value.len() > LONGEST {
            return Err(Problem::new(format!(
                "the value is longer than {LONGEST} bytes"
            )));
        }
        let fits = match self {
            Self::Text => value
                .chars()
                .all(|c| is_showable(c) || matches!(c, '\n' | '\t')),
            Self::Number => {
                let plain = value.strip_prefix('-').unwrap_or(value);
                plain.bytes().all(|byte| byte.is_ascii_digit()) && value.parse::<i64>().is_ok()
            }
            Self::Port => {
                let plain = value.bytes().all(|byte| byte.is_ascii_digit());
                plain && value.parse::<u16>().is_ok_and(|port| port > 0)
            }
            Self::Address => return check_address(value),
            Self::Url => is_url(value),
            Self::Servers => return value.parse::<Servers>().map(|_| ()),
        };
        if fits {
            return Ok(());
        }
        let shown: String = value.escape_debug().take(200).collect();
        Err(Problem::new(format!("`{shown}` is no {self}")))
    }
}

/// A scheme, a host of at least one character, and nothing that a URL has to spell out.
fn is_url(value: &str) -> bool {
    let Some((scheme, rest)) = value.split_once("://") else {
        return false;
    };
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+.-".contains(c);
    let good = |c: char| c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c);
    scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.chars().all(word)
        && !rest.starts_with(['/', '?', '#'])
        && !rest.is_empty()
        && rest.chars().all(good)
}

impl FromStr for OutputKind {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| {
            let message = format!("unknown type of output `{}`", text.escape_debug());
            Problem::new(message).maybe_help(did_you_mean(text, Self::ALL.map(Self::as_str)))
        })
    }
}

impl fmt::Display for OutputKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for OutputKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_values_of_its_kind_and_no_others() {
        let table: &[(OutputKind, &[&str], &[&str])] = &[
            (
                OutputKind::Text,
                &["x", "a\nb", "é"],
                &["", " ", "a\u{1b}[2J", "a\u{202e}"],
            ),
            (
                OutputKind::Number,
                &["0", "-7", "42"],
                &["", "-", "1.5", "+1", "0x1", "1e9", "99999999999999999999"],
            ),
            (
                OutputKind::Port,
                &["1", "65535"],
                &["0", "65536", "-1", "+80", "80 "],
            ),
            (
                OutputKind::Address,
                &["10.0.0.1", "db1.example.org"],
                &["", "-x", "a b", "a/b"],
            ),
            (
                OutputKind::Url,
                &["https://a.org", "zk://a:1,b:2/x", "redis://:pw@a:1"],
                &[
                    "",
                    "a.org",
                    "https://",
                    "zk:///x",
                    "https:/a",
                    "Https://a",
                    "https://a b",
                    "://a",
                ],
            ),
            (
                OutputKind::Servers,
                &["a:1", "a:1,b:2/x"],
                &["", "a", "zk://a:1", "a:1,", "/x"],
            ),
        ];
        for (kind, good, bad) in table {
            for value in *good {
                assert_eq!(kind.check(value), Ok(()), "{kind} {value:?}");
            }
            for value in *bad {
                assert!(kind.check(value).is_err(), "{kind} {value:?}");
            }
        }
    }

    #[test]
    fn reads_what_it_writes() {
        for kind in OutputKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        let problem = "server".parse::<OutputKind>().unwrap_err();
        assert_eq!(problem.help.as_deref(), Some("did you mean `servers`?"));
    }
}
