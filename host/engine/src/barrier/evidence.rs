//! What a barrier saw.

use std::time::Duration;

use cellhost_effects::Certainty;
use cellhost_plan::{InstanceName, MachineName, Server};
use serde_json::{Value, json};

use super::answer::Answer;

/// What a barrier has seen so far, or by its end.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// The instance that deploys the ensemble, or `zookeeper` for one that was there before.
    pub ensemble: InstanceName,
    /// The list that modules behind the barrier are given.
    pub list: String,
    /// Every server of the list, in its order.
    pub servers: Vec<Seen>,
    /// How many rounds in a row all was well and the same.
    pub held: u32,
    /// How many it has to be.
    pub wanted: u32,
    /// How many rounds there were.
    pub rounds: u32,
    /// How long it took.
    pub waited: Duration,
    /// Why it does not hold, where it does not.
    pub why: Option<String>,
    /// How sure all of that is.
    pub certainty: Certainty,
}

/// What was seen of one server.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Which.
    pub server: Server,
    /// What it said last.
    pub answer: Answer,
    /// The machine that it was asked from.
    pub from: Option<MachineName>,
    /// How long nobody could count on it, where nobody can.
    pub without: Option<Duration>,
}

impl Evidence {
    /// Whether the barrier holds: what is behind it may begin.
    pub fn is_held(&self) -> bool {
        self.held >= self.wanted
    }

    /// Gives it as JSON. Times are whole seconds, so that the same run told again is the same.
    pub fn to_json(&self) -> Value {
        json!({
            "ensemble": self.ensemble,
            "held": self.is_held(),
            "list": self.list,
            "servers": self.servers.iter().map(Seen::to_json).collect::<Vec<_>>(),
            "rounds-held": self.held,
            "rounds-wanted": self.wanted,
            "rounds": self.rounds,
            "seconds": self.waited.as_secs(),
            "why-not": self.why,
            "certainty": self.certainty,
        })
    }
}

impl Seen {
    /// Gives it as JSON.
    pub fn to_json(&self) -> Value {
        let hexadecimal = |number: u64| format!("0x{number:x}");
        json!({
            "server": self.server.to_string(),
            "mode": self.answer.mode().map(|mode| mode.to_string()),
            "says": self.answer.to_string(),
            "zxid": self.answer.zxid().map(hexadecimal),
            "epoch": self.answer.epoch(),
            "seen-from": self.from,
            "seconds-without": self.without.map(|time| time.as_secs()),
        })
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.server, self.answer)?;
        match self.without {
            Some(time) if time.as_secs() > 0 => write!(formatter, " for {} s", time.as_secs()),
            _ => Ok(()),
        }
    }
}
