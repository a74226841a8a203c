use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::document::{Kind, Table, Value};
use crate::duration::parse_duration_within;
use crate::problem::Problem;
use crate::share::Share;

const DAY: Duration = Duration::from_hours(24);

/// How a change goes through the members of a module: a few at a time, each of them healthy again
/// before the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rolling {
    /// How many are changed at a time: the first step, the second, and so on; the last for all
    /// that follow. Never empty.
    pub at_once: Vec<Share>,
    /// How many go first, on their own.
    pub canary: Option<u32>,
    /// How long those have to stay healthy before the rest begins.
    pub pause: Duration,
    /// Whether the next begins as soon as one is healthy, instead of when all of its step are.
    pub slots: bool,
    /// Whether one zone comes after the other.
    pub zones: bool,
    /// How long a member may take to become healthy.
    pub patience: Duration,
    /// How many members may be down besides those that are being changed.
    pub tolerate: Share,
}

/// The keys of a `rolling` table, as far as they are there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RollingKeys {
    /// `at-once`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_once: Option<Vec<Share>>,
    /// `canary`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<u32>,
    /// `pause`.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "written")]
    pub pause: Option<Duration>,
    /// `slots`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slots: Option<bool>,
    /// `zones`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zones: Option<bool>,
    /// `patience`.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "written")]
    pub patience: Option<Duration>,
    /// `tolerate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerate: Option<Share>,
}

/// What a plan says about how a module rolls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RollingChoice {
    /// Nothing: the module decides.
    #[default]
    Module,
    /// It does not roll: all members at once.
    Never,
    /// These keys; the module's own for the others.
    Keys(RollingKeys),
}

impl RollingChoice {
    /// Gives the rule that holds, where the module has keys of its own; none where all of its
    /// members are changed at once.
    pub fn rule(&self, module: Option<&RollingKeys>) -> Option<Rolling> {
        match self {
            Self::Never => None,
            Self::Module => module.map(|keys| RollingKeys::default().over(keys)),
            Self::Keys(keys) => Some(keys.over(module.unwrap_or(&RollingKeys::default()))),
        }
    }

    pub(crate) fn read(value: &Value<'_>) -> Self {
        match value.node().kind {
            Kind::Boolean(false) => Self::Never,
            Kind::Table(_) => value
                .table()
                .map(RollingKeys::read)
                .map_or(Self::Module, Self::Keys),
            _ => {
                value.wrong_type("a table or `false`");
                Self::Module
            }
        }
    }
}

impl RollingKeys {
    /// Reads a `rolling` table; what is wrong goes to its report.
    pub fn read(mut table: Table<'_>) -> Self {
        let duration = |least: Duration| {
            move |value: Value<'_>| value.parse(|text| parse_duration_within(text, least..=DAY))
        };
        let keys = Self {
            at_once: table.get("at-once").and_then(|value| steps(&value)),
            canary: table
                .get("canary")
                .and_then(|value| value.integer(1..=100_000)),
            pause: table.get("pause").and_then(duration(Duration::ZERO)),
            slots: table.get("slots").and_then(|value| value.boolean()),
            zones: table.get("zones").and_then(|value| value.boolean()),
            patience: table
                .get("patience")
                .and_then(duration(Duration::from_secs(1))),
            tolerate: table
                .get("tolerate")
                .and_then(|value| Share::read(&value, 0)),
        };
        if let (Some(pause), None) = (table.get("pause"), table.get("canary")) {
            let problem =
                Problem::new("`pause` is how long canaries are watched, and there are none");
            pause.reject(problem.help("add `canary = 1`"));
        }
        table.finish();
        keys
    }

    /// The rule of these keys, of others where they say nothing, and of the house where neither.
    fn over(&self, others: &Self) -> Rolling {
        let at_once = self.at_once.as_ref().or(others.at_once.as_ref());
        let tolerate = self.tolerate.or(others.tolerate);
        let patience = self.patience.or(others.patience);
        Rolling {
            at_once: at_once.cloned().unwrap_or_else(|| vec![Share::Count(1)]),
            canary: self.canary.or(others.canary),
            pause: self.pause.or(others.pause).unwrap_or_default(),
            slots: self.slots.or(others.slots).unwrap_or_default(),
            zones: self.zones.or(others.zones).unwrap_or_default(),
            patience: patience.unwrap_or(Duration::from_mins(5)),
            tolerate: tolerate.unwrap_or(Share::Count(0)),
        }
    }
}

/// Reads one share, or a list of them.
fn steps(value: &Value<'_>) -> Option<Vec<Share>> {
    let Kind::List(_) = value.node().kind else {
        return Some(vec![Share::read(value, 1)?]);
    };
    let steps = value.list()?;
    if steps.is_empty() {
        let problem = Problem::new("this list has no step");
        value.reject(problem.help("write one such as `[1, 5, \"50%\"]`"));
        return None;
    }
    steps.iter().map(|step| Share::read(step, 1)).collect()
}

#[expect(clippy::ref_option, reason = "serde hands it over so")]
fn written<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    let milliseconds = duration.unwrap_or_default().as_millis();
    serializer.collect_str(&format_args!("{milliseconds}ms"))
}
