//! A service of the machine's service manager.

mod look;

use super::Difference;
use crate::shell::{Part, Refusal, Settling, escape, name};

pub(crate) use look::{ask, read};

/// A service.
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Whether it starts when the machine does.
    pub enabled: bool,
    /// Whether it runs now.
    pub running: bool,
    /// Whether a file of this very list that it restarts for is about to be replaced, so that a
    /// restart will be owed by the time this wish is settled.
    pub restart_coming: bool,
    /// The same for a reload.
    pub reload_coming: bool,
}

/// How a service is.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceFacts {
    /// Whether the manager knows it.
    pub known: bool,
    /// Whether it starts when the machine does. A service that cannot be enabled because
    /// something else starts it (`static`) counts as enabled.
    pub enabled: bool,
    /// Whether it runs.
    pub running: bool,
    /// The manager's own word for its state, such as `failed`.
    pub state: String,
    /// Whether the machine remembers that a restart is owed.
    pub restart_owed: bool,
    /// Whether the machine remembers that a reload is owed.
    pub reload_owed: bool,
}

impl Service {
    /// Writes how it is made so.
    pub(crate) fn settle(&self, settling: &mut Settling) -> Result<(), Refusal> {
        settling.script.need(&[Part::Service]);
        let yes = |wanted| if wanted { "yes" } else { "no" }.to_owned();
        let words = [
            unit(name("service", &self.name)?),
            escape(&self.name),
            yes(self.enabled),
            yes(self.running),
            settling.memory().to_owned(),
        ];
        settling.script.call("ch_do ch_service", words)
    }

    /// Returns what differs, if anything.
    pub fn compare(&self, facts: &ServiceFacts) -> Option<Difference> {
        let mut lines = Vec::new();
        if facts.enabled != self.enabled {
            lines.push(if self.enabled { "enable" } else { "disable" }.to_owned());
        }
        if facts.running != self.running {
            lines.push(if self.running { "start" } else { "stop" }.to_owned());
        } else if self.running {
            if facts.restart_owed || self.restart_coming {
                lines.push("restart".to_owned());
            } else if facts.reload_owed || self.reload_coming {
                lines.push("reload".to_owned());
            }
        }
        (!lines.is_empty()).then_some(Difference {
            lines,
            content: false,
        })
    }

    /// The facts once the wish is met.
    pub fn met(&self) -> ServiceFacts {
        ServiceFacts {
            known: true,
            enabled: self.enabled,
            running: self.running,
            state: if self.running { "active" } else { "inactive" }.to_owned(),
            restart_owed: false,
            reload_owed: false,
        }
    }
}

/// The name of the unit: a name without a kind is that of a service.
fn unit(name: &str) -> String {
    const KINDS: [&str; 8] = [
        ".service", ".socket", ".timer", ".target", ".mount", ".path", ".slice", ".swap",
    ];
    if KINDS.iter().any(|kind| name.ends_with(kind)) {
        name.to_owned()
    } else {
        format!("{name}.service")
    }
}
