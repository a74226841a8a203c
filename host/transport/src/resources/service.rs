//! A service of the machine's service manager, or a program of supervisord.

mod keeper;
mod look;

use std::collections::{BTreeMap, BTreeSet};

use super::memory::Manner;
use super::{Difference, Facts};
use crate::shell::{Part, Refusal, Settling, name};

pub(crate) use keeper::Keeper;
pub(crate) use look::{ask, read};

/// What the name of a program of supervisord begins with.
pub const SUPERVISED: &str = "supervisor:";

/// A service, and the files whose change it has to take up.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Watch {
    /// Its name: the service manager's, or [`SUPERVISED`] and the name of a program.
    pub name: String,
    /// Paths whose change restarts it.
    pub restart_for: BTreeSet<String>,
    /// Paths whose change reloads it.
    pub reload_for: BTreeSet<String>,
}

/// A service.
#[derive(Debug, Clone)]
pub struct Service {
    /// Which, and the files it watches.
    pub watch: Watch,
    /// Whether it starts when the machine does.
    pub enabled: bool,
    /// Whether it runs now.
    pub running: bool,
}

/// How a service is.
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
    /// Paths that changed and that it was not restarted for, of those it was asked about.
    pub restart_owed: BTreeSet<String>,
    /// Paths that changed and that it was not reloaded for, of those it was asked about.
    pub reload_owed: BTreeSet<String>,
    /// What stands at the watched paths, as tokens of the changes that put it there.
    pub tokens: BTreeMap<String, String>,
}

impl Watch {
    /// Watches no file.
    pub fn none(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// All paths, once each.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.restart_for.union(&self.reload_for).map(String::as_str)
    }
}

impl ServiceFacts {
    /// The same service once this path has changed.
    pub fn owe(&mut self, watch: &Watch, path: &str) {
        if watch.restart_for.contains(path) {
            self.restart_owed.insert(path.to_owned());
        }
        if watch.reload_for.contains(path) {
            self.reload_owed.insert(path.to_owned());
        }
    }
}

impl Service {
    /// Writes how it is made so.
    pub(crate) fn settle(&self, facts: &Facts, settling: &mut Settling) -> Result<(), Refusal> {
        settling.script.need(&[Part::File, Part::Memory]);
        let unknown = ServiceFacts::default();
        let facts = match facts {
            Facts::Service(facts) => facts,
            _ => &unknown,
        };
        let yes = |wanted| if wanted { "yes" } else { "no" }.to_owned();
        let mut words = match place(&self.watch.name)? {
            Place::System(unit) => {
                settling.script.need(&Part::SERVICES);
                let who = if facts.known { "system" } else { "new" };
                vec![who.to_owned(), unit]
            }
            Place::Supervisor(program) => {
                settling.script.need(&Part::SUPERVISED);
                vec!["supervisor".to_owned(), program.to_owned()]
            }
        };
        words.extend([
            yes(self.enabled),
            yes(self.running),
            self.manner(facts).map_or("keep", Manner::word).to_owned(),
        ]);
        let takes = self.takes(facts);
        words.extend(settling.taken_up(&self.watch.name, &facts.tokens, takes));
        settling.script.call("ch_do ch_service", words)
    }

    /// The unit, where it is to run and the machine's own manager keeps it: that it was started does
    /// not say yet that it stands.
    pub(crate) fn starting(&self) -> Option<String> {
        match place(&self.watch.name) {
            Ok(Place::System(unit)) if self.running => Some(unit),
            _ => None,
        }
    }

    /// What has to be done to it where it runs.
    pub(crate) fn manner(&self, facts: &ServiceFacts) -> Option<Manner> {
        if !self.running {
            None
        } else if !facts.restart_owed.is_empty() {
            Some(Manner::Restart)
        } else if !facts.reload_owed.is_empty() {
            Some(Manner::Reload)
        } else {
            None
        }
    }

    /// The paths that it takes up when it is settled, and how.
    pub(crate) fn takes(&self, facts: &ServiceFacts) -> Vec<(&str, Manner)> {
        let manner = self.manner(facts);
        let starts = self.running && !facts.running;
        if starts || manner == Some(Manner::Restart) {
            self.watch
                .paths()
                .map(|path| (path, Manner::Restart))
                .collect()
        } else if manner == Some(Manner::Reload) {
            let paths = self.watch.reload_for.iter();
            paths.map(|path| (path.as_str(), Manner::Reload)).collect()
        } else {
            Vec::new()
        }
    }

    /// Returns what differs, if anything.
    pub fn compare(&self, facts: &ServiceFacts) -> Option<Difference> {
        let mut lines = Vec::new();
        if facts.enabled != self.enabled {
            lines.push(if self.enabled { "enable" } else { "disable" }.to_owned());
        }
        if facts.running != self.running {
            lines.push(if self.running { "start" } else { "stop" }.to_owned());
        } else if let Some(manner) = self.manner(facts) {
            lines.push(manner.word().to_owned());
        }
        (!lines.is_empty()).then_some(Difference {
            lines,
            content: false,
        })
    }

    /// The facts once the wish is met.
    pub fn met(&self, before: &ServiceFacts) -> ServiceFacts {
        ServiceFacts {
            known: true,
            enabled: self.enabled,
            running: self.running,
            state: if self.running { "active" } else { "inactive" }.to_owned(),
            restart_owed: BTreeSet::new(),
            reload_owed: BTreeSet::new(),
            tokens: before.tokens.clone(),
        }
    }
}

/// Where a service is found.
#[derive(Debug, PartialEq, Eq)]
enum Place<'a> {
    /// At the machine's service manager, as this unit.
    System(String),
    /// At supervisord, as this program or group of them.
    Supervisor(&'a str),
}

fn place(service: &str) -> Result<Place<'_>, Refusal> {
    match service.strip_prefix(SUPERVISED) {
        Some(program) => Ok(Place::Supervisor(name("program of supervisord", program)?)),
        None => Ok(Place::System(unit(name("service", service)?))),
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
