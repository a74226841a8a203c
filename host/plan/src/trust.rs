use std::path::PathBuf;

use crate::choice::choose;
use crate::document::{Kind, Table, Value};
use crate::location::resolve;
use crate::problem::Problem;

/// Whose word counts for the modules of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Nobody's: whatever the registry gives.
    Unsigned,
    /// That of whoever has these keys.
    Signed {
        /// The keys.
        keys: Vec<KeyFile>,
        /// Whether one of them is enough.
        need: Need,
    },
}

/// How many have to vouch for a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// One of them.
    Any,
    /// Each of them.
    All,
}

/// A public key that is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    /// Where it is, already relative to where the plan was loaded from.
    pub path: PathBuf,
    /// The last day on which it counts, as `2027-12-31`.
    pub until: Option<String>,
}

impl Trust {
    pub(crate) fn read(value: &Value<'_>) -> Option<Self> {
        if let Kind::Table(_) = value.node().kind {
            return Self::read_table(value.table()?);
        }
        value.parse(|text| match text {
            "unsigned" => Ok(Self::Unsigned),
            _ => Err(Problem::new("this says nothing about whom to trust").help(
                "write `{ keys = [\"acme.pub\"] }`, or `\"unsigned\"` to trust whatever comes",
            )),
        })
    }

    fn read_table(mut table: Table<'_>) -> Option<Self> {
        let keys = table.require("keys", "[\"acme.pub\"]");
        let need = table.get("need").map(|value| {
            value.parse(|text| choose("need", text, [("any", Need::Any), ("all", Need::All)]))
        });
        let listed = keys.as_ref().and_then(Value::list);
        if let (Some(keys), Some([])) = (&keys, listed.as_deref()) {
            keys.reject(Problem::new("without a key nothing could be trusted"));
        }
        let keys: Option<Vec<KeyFile>> = listed?.iter().map(KeyFile::read).collect();
        table.finish();
        Some(Self::Signed {
            keys: keys?,
            need: need.unwrap_or(Some(Need::Any))?,
        })
    }
}

impl KeyFile {
    /// Reads a path, or a table with a path and a day.
    fn read(value: &Value<'_>) -> Option<Self> {
        let Kind::Table(_) = value.node().kind else {
            let path = resolve(&value.text()?)?;
            return Some(Self { path, until: None });
        };
        let mut table = value.table()?;
        let path = table
            .require("file", "\"acme.pub\"")
            .and_then(|value| resolve(&value.text()?));
        let until = table.get("until").map(|value| value.parse(day));
        table.finish();
        let until = match until {
            Some(day) => Some(day?),
            None => None,
        };
        Some(Self { path: path?, until })
    }
}

/// A day, so written that the later one is the greater text.
fn day(text: &str) -> Result<String, Problem> {
    let number = |range: std::ops::Range<usize>| -> Option<u16> {
        let digits = text.get(range)?;
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse().ok())?
    };
    let dashes = [4, 7].map(|at| text.as_bytes().get(at) == Some(&b'-'));
    let (year, month, date) = (number(0..4), number(5..7), number(8..10));
    let is_day = text.len() == 10
        && dashes == [true; 2]
        && year.is_some()
        && month.is_some_and(|month| (1..=12).contains(&month))
        && date.is_some_and(|date| (1..=31).contains(&date));
    if is_day {
        return Ok(text.to_owned());
    }
    Err(Problem::new(format!("`{text}` is no day")).help("write `\"2027-12-31\"`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_day() {
        assert_eq!(day("2027-12-31"), Ok("2027-12-31".to_owned()));
        for text in [
            "",
            "2027-13-01",
            "2027-00-01",
            "2027-1-01",
            "27-12-31",
            "2027-12-32",
            "2027/12/31",
            "2027-12-3+",
            "2027-12-31T",
        ] {
            assert!(day(text).is_err(), "{text}");
        }
    }
}
