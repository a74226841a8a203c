use std::time::{Duration, SystemTime};

use crate::asks::PathPrefix;
use crate::document::Value;
use crate::hours::Hours;

/// What holds for all modules of a plan, whatever they are granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// What no module may write.
    pub untouched: Vec<PathPrefix>,
    /// When machines may be changed; always, where nothing is said.
    pub hours: Option<Hours>,
    /// The most machines that one run may speak to.
    pub machines: Option<usize>,
}

impl Rules {
    /// Reads `[rules]`.
    pub(crate) fn read(value: Option<Value<'_>>) -> Self {
        let Some(mut table) = value.and_then(|value| value.table()) else {
            return Self::default();
        };
        let untouched = table.get("untouched").and_then(|value| value.texts());
        let untouched = untouched.unwrap_or_default();
        let rules = Self {
            untouched: untouched
                .iter()
                .filter_map(|text| text.parse(PathPrefix::new))
                .collect(),
            hours: table
                .get("hours")
                .and_then(|value| value.parse(Hours::parse)),
            machines: table
                .get("machines")
                .and_then(|value| value.integer(1..=usize::from(u16::MAX))),
        };
        table.finish();
        rules
    }

    /// Whether machines may be changed at a time.
    pub fn is_open(&self, at: SystemTime) -> bool {
        let since = at.duration_since(SystemTime::UNIX_EPOCH);
        let since = since.unwrap_or(Duration::ZERO);
        self.hours.as_ref().is_none_or(|hours| hours.contain(since))
    }
}
