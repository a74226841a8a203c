use std::fmt;
use std::str::FromStr;

use crate::problem::Problem;
use serde::{Serialize, Serializer};

/// One port or a run of them, written `17000` or `7000-7001`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// Runs from the first to the last port, both included; nothing for port 0 or a reversed run.
    pub fn new(first: u16, last: u16) -> Option<Self> {
        (first > 0 && first <= last).then_some(Self { first, last })
    }

    /// Tells whether a port is one of them.
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }
}

impl FromStr for PortRange {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let port = |text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse()
                .ok()
                .filter(|_| digits && !text.starts_with('0'))
        };
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let range = port(first)
            .zip(port(last))
            .and_then(|(first, last)| Self::new(first, last));
        range.ok_or_else(|| {
            let message = format!(
                "`{}` is not a port or a range of ports",
                text.escape_debug()
            );
            Problem::new(message).help("write `17000` or `7000-7001`, from 1 to 65535")
        })
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { first, last } if first == last => write!(formatter, "{first}"),
            Self { first, last } => write!(formatter, "{first}-{last}"),
        }
    }
}

impl Serialize for PortRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in ["17000", "7000-7001", "1-65535"] {
            assert_eq!(text.parse::<PortRange>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_what_is_no_port() {
        for text in [
            "", "0", "65536", "2-1", "1-", "-1", "+1", "01", "a", "1-2-3", "1 - 2",
        ] {
            assert!(text.parse::<PortRange>().is_err(), "{text}");
        }
    }

    #[test]
    fn contains_both_ends() {
        let range: PortRange = "7000-7001".parse().unwrap();
        let found = [6999, 7000, 7001, 7002].map(|port| range.contains(port));
        assert_eq!(found, [false, true, true, false]);
    }
}
