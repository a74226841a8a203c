//! A list of wishes that did not come about as a whole.

use cellhost_transport::{Cause, Trouble};
use serde::{Deserialize, Serialize};

use crate::Settlement;

/// What became of a list of wishes of which some could not be met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The wishes that the machine could not meet.
    pub missed: Vec<Missed>,
    /// The wishes that were not tried, since they need one of those.
    pub stopped: Vec<Stopped>,
    /// What became of the others, in the order of the list.
    pub settlements: Vec<Settlement>,
}

/// A wish that could not be met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    /// Its place in the list.
    pub index: u32,
    /// What it was about.
    pub subject: String,
    /// Why.
    pub trouble: Trouble,
}

/// A wish that was not tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// Its place in the list.
    pub index: u32,
    /// What it was about.
    pub subject: String,
}

impl Failure {
    /// What the machine's words say, each cause once.
    pub fn causes(&self) -> impl Iterator<Item = Cause> {
        let causes: std::collections::BTreeSet<Cause> = self
            .missed
            .iter()
            .map(|missed| missed.trouble.cause)
            .collect();
        causes.into_iter()
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let missed = self.missed.iter();
        let mut words: Vec<String> = missed
            .map(|missed| format!("{}: {}", missed.subject, missed.trouble.message))
            .collect();
        if !self.stopped.is_empty() {
            let stopped: Vec<&str> = self
                .stopped
                .iter()
                .map(|stopped| stopped.subject.as_str())
                .collect();
            words.push(format!("not tried therefore: {}", stopped.join(", ")));
        }
        formatter.write_str(&words.join("; "))
    }
}
