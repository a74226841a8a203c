//! What is shown while a barrier waits.

use std::time::Duration;

use cellhost_engine::{Evidence, Seen};

use crate::report::clean;

/// How long it may wait without a word where nobody watches a line that moves.
const SILENCE: Duration = Duration::from_secs(30);

/// What was told of the barrier so far.
#[derive(Default)]
pub(super) struct Told {
    picture: String,
    at: Duration,
}

impl Told {
    /// Words for a log, where there is something new, or nothing was said for long.
    pub(super) fn news(&mut self, evidence: &Evidence) -> Option<String> {
        let picture = picture(evidence);
        let overdue = evidence.waited.saturating_sub(self.at) >= SILENCE;
        if picture == self.picture && !overdue {
            return None;
        }
        self.picture = picture;
        self.at = evidence.waited;
        Some(line(evidence))
    }
}

/// Who answers and as what, who does not and for how long, and how long it has held.
pub(super) fn line(evidence: &Evidence) -> String {
    let servers: Vec<String> = evidence.servers.iter().map(Seen::to_string).collect();
    let state = match &evidence.why {
        Some(why) => why.clone(),
        None => format!("held {} of {}", evidence.held, evidence.wanted),
    };
    let waited = evidence.waited.as_secs();
    clean(&format!("{}; {state} ({waited} s)", servers.join(", ")))
}

/// What is different when something is new: not how often or how long.
fn picture(evidence: &Evidence) -> String {
    let servers = evidence.servers.iter();
    let servers: Vec<String> = servers.map(|seen| seen.answer.to_string()).collect();
    format!("{} {:?}", servers.join(","), evidence.why)
}
