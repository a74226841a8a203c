use std::time::Duration;

use crate::document::{Kind, Value};
use crate::duration::parse_duration_within;
use crate::problem::Problem;
use crate::share::Share;

/// The most attempts after the first.
const MOST_RETRIES: u32 = 20;

/// What a run does about machines that fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunRule {
    /// How many machines may fail before nothing new begins. Where nothing is said, a machine that
    /// fails stops its module and those that wait for it, and nothing else.
    pub max_failures: Option<Share>,
    /// What a machine that cannot be reached means.
    pub unreachable: Unreachable,
    /// How often is tried again what fails for a reason that passes, where that is said.
    pub retries: Option<u32>,
}

/// What a machine that cannot be reached means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unreachable {
    /// It failed.
    #[default]
    Stop,
    /// The others go on without it.
    Skip,
    /// It is tried again at the end of its module for so long; then it failed.
    Wait(Duration),
}

impl RunRule {
    pub(crate) fn read(value: Option<Value<'_>>) -> Self {
        let Some(mut table) = value.and_then(|value| value.table()) else {
            return Self::default();
        };
        let rule = Self {
            max_failures: table
                .get("max-failures")
                .and_then(|value| Share::read(&value, 0)),
            unreachable: table
                .get("unreachable")
                .and_then(|value| Unreachable::read(&value))
                .unwrap_or_default(),
            retries: table
                .get("retries")
                .and_then(|value| value.integer(0..=MOST_RETRIES)),
        };
        table.finish();
        rule
    }
}

impl Unreachable {
    fn read(value: &Value<'_>) -> Option<Self> {
        match value.node().kind {
            Kind::String(_) => value.parse(|text| match text {
                "stop" => Ok(Self::Stop),
                "skip" => Ok(Self::Skip),
                _ => {
                    let message = format!("unknown way to treat unreachable machines `{text}`");
                    let help = "write `\"stop\"`, `\"skip\"` or `{ wait = \"10m\" }`";
                    Err(Problem::new(message).help(help))
                }
            }),
            Kind::Table(_) => {
                let mut table = value.table()?;
                let bounds = Duration::from_secs(1)..=Duration::from_hours(24);
                let wait = table.require("wait", "\"10m\"");
                let wait =
                    wait.and_then(|value| value.parse(|text| parse_duration_within(text, bounds)));
                table.finish();
                wait.map(Self::Wait)
            }
            _ => {
                value.wrong_type("a string or a table");
                None
            }
        }
    }
}
