use std::fmt;

use serde::{Serialize, Serializer};

use crate::document::{Kind, Value};
use crate::problem::Problem;

/// The most machines that a share can count.
const MOST: u32 = 100_000;

/// A part of some machines: so many, so many of a hundred, or all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// So many.
    Count(u32),
    /// So many of a hundred, up to 100.
    Percent(u32),
    /// All of them.
    All,
}

impl Share {
    /// Gives how many of so many machines that are, rounded down.
    pub fn of(self, machines: usize) -> usize {
        let counted = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        match self {
            Self::Count(count) => counted(count),
            Self::Percent(percent) => machines.saturating_mul(counted(percent)) / 100,
            Self::All => machines,
        }
    }

    /// Reads `3`, `"25%"` or `"all"`; a count has a least value.
    pub(crate) fn read(value: &Value<'_>, least: u32) -> Option<Self> {
        match &value.node().kind {
            Kind::Integer(_) => value.integer(least..=MOST).map(Self::Count),
            Kind::String(_) => value.parse(|text| Self::parse(text, least)),
            _ => {
                value.wrong_type("a number, a percentage such as \"25%\", or \"all\"");
                None
            }
        }
    }

    fn parse(text: &str, least: u32) -> Result<Self, Problem> {
        if text == "all" {
            return Ok(Self::All);
        }
        let digits = text.strip_suffix('%');
        let percent = digits.and_then(|digits| digits.parse::<u32>().ok());
        match percent {
            Some(percent) if (least..=100).contains(&percent) => Ok(Self::Percent(percent)),
            Some(_) => {
                let problem = Problem::new(format!("`{text}` is out of range"));
                Err(problem.label(format!("wanted {least}% to 100%")))
            }
            None => {
                let problem = Problem::new(format!("`{text}` is no number of machines"));
                Err(problem.help("write a number, a percentage such as `\"25%\"`, or `\"all\"`"))
            }
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(formatter, "{count}"),
            Self::Percent(percent) => write!(formatter, "{percent}%"),
            Self::All => formatter.write_str("all"),
        }
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => serializer.serialize_u32(*count),
            other => serializer.collect_str(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_a_percentage_of_the_machines_and_rounds_down() {
        assert_eq!(Share::Percent(50).of(5), 2);
        assert_eq!(Share::Percent(25).of(3), 0);
        assert_eq!(Share::All.of(7), 7);
        assert_eq!(Share::Count(9).of(3), 9);
    }
}
