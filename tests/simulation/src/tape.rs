//! The record of a run as it is written: read by whoever judges the run, and where its host dies.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cellhost_effects::record::Sink;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Notify;

/// What a run has on record so far. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Tape {
    kept: Arc<Mutex<Kept>>,
    died: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    /// How many bytes outlive the power of the host's computer.
    durable: usize,
    records: usize,
    /// Where the intents and outcomes end, with the names of their effects.
    ends: Vec<(usize, Kind, String)>,
    /// Intents without an outcome, by the name of their effect.
    open: BTreeMap<String, Intent>,
    /// Every intent, so that one is known again of which nobody knows what came.
    all: BTreeMap<String, Intent>,
    /// The kind of the last record, and the verb it is about.
    last: (String, String),
    death: Option<Death>,
    dead: bool,
    /// Whether nothing that is written is made durable.
    loose: bool,
}

/// What of a record is left of which a test has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// That something is about to be asked.
    Intent,
    /// What came of it.
    Outcome,
}

/// A line, as far as anything of it is needed.
#[derive(Deserialize)]
struct Line {
    kind: String,
    body: Body,
}

#[derive(Deserialize)]
struct Body {
    effect: Option<Place>,
    #[serde(default)]
    verb: String,
    #[serde(default)]
    asked: Value,
}

/// The name of an effect, and its machine.
#[derive(Deserialize)]
struct Place {
    module: String,
    hook: String,
    #[serde(rename = "machine-of-turn")]
    of_turn: Option<String>,
    round: u32,
    sequence: u32,
    machine: String,
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (module, hook) = (&self.module, &self.hook);
        let machine = self.of_turn.as_deref().unwrap_or("-");
        let (round, sequence) = (self.round, self.sequence);
        write!(formatter, "{module}/{hook}/{machine}/{round}/{sequence}")
    }
}

/// When the host dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Death {
    /// With which record, from 0.
    pub record: usize,
    /// How.
    pub manner: Manner,
}

/// How a host dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Manner {
    /// It is killed when the record is written.
    Killed,
    /// It is killed while the record is written: half of it stands there.
    Torn,
    /// Its computer loses power when the record is written: what is not durable is gone.
    Power,
}

/// An intent that stands in the journal.
#[derive(Debug, Clone)]
pub struct Intent {
    /// The name of its effect.
    pub effect: String,
    /// The module that asks.
    pub module: String,
    /// The hook.
    pub hook: String,
    /// The machine it is about.
    pub machine: String,
    /// The verb.
    pub verb: String,
    /// What is asked.
    pub asked: Value,
}

impl Tape {
    /// A record that begins with these bytes, for a host that dies where that is said. A loose one
    /// is never made durable.
    pub fn after(bytes: Vec<u8>, death: Option<Death>, loose: bool) -> Self {
        let mut kept = Kept {
            durable: bytes.len(),
            death,
            loose,
            ..Kept::default()
        };
        let mut end = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            end += line.len();
            kept.note(line, end);
        }
        kept.bytes = bytes;
        Self {
            kept: Arc::new(Mutex::new(kept)),
            died: Arc::default(),
        }
    }

    /// The open intents of a machine that a test accepts.
    pub fn open(&self, machine: &str, mut fits: impl FnMut(&Intent) -> bool) -> Option<Intent> {
        let kept = self.kept();
        let mut open = kept.open.values();
        open.find(|intent| intent.machine == machine && fits(intent))
            .cloned()
    }

    /// The effects of which something is left, whatever became of the host.
    pub fn left(&self, kind: Kind) -> BTreeSet<String> {
        let kept = self.kept();
        let length = kept.bytes.len();
        let left = kept.ends.iter();
        let left = left.filter(|(end, of, _)| *end <= length && *of == kind);
        left.map(|(_, _, effect)| effect.clone()).collect()
    }

    /// How many records were written.
    pub fn records(&self) -> usize {
        self.kept().records
    }

    /// What is left of it once its host is no more.
    pub fn bytes(&self) -> Vec<u8> {
        self.kept().bytes.clone()
    }

    /// The kind of the last record and the verb of what it is about.
    pub fn last(&self) -> (String, String) {
        self.kept().last.clone()
    }

    /// Whether the host is dead.
    pub fn is_dead(&self) -> bool {
        self.kept().dead
    }

    /// Comes when the host dies.
    pub async fn death(&self) {
        self.died.notified().await;
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Tape {
    fn append(&mut self, line: &[u8], durable: bool) -> Result<(), Error> {
        let mut kept = self.kept();
        if kept.dead {
            return Err(Error::other("the host is dead"));
        }
        let dies = kept.death.filter(|death| death.record == kept.records);
        let written = match dies {
            Some(Death {
                manner: Manner::Torn,
                ..
            }) => line.get(..line.len() / 2).unwrap_or_default(),
            _ => line,
        };
        let end = kept.bytes.len() + line.len();
        kept.bytes.extend_from_slice(written);
        kept.records += 1;
        if durable && !kept.loose {
            kept.durable = kept.bytes.len();
        }
        kept.note(line, end);
        if let Some(death) = dies {
            if death.manner == Manner::Power {
                let durable = kept.durable;
                kept.bytes.truncate(durable);
            }
            kept.dead = true;
            self.died.notify_one();
        }
        Ok(())
    }
}

impl Kept {
    /// Takes note of a line that ends here.
    fn note(&mut self, line: &[u8], end: usize) {
        let Ok(Line { kind, body }) = serde_json::from_slice(line) else {
            return;
        };
        let Some(place) = body.effect else {
            self.last = (kind, String::new());
            return;
        };
        let name = place.to_string();
        let mut verb = self.open.get(&name).map(of);
        match kind.as_str() {
            "intent" => {
                let intent = Intent {
                    effect: name.clone(),
                    module: place.module,
                    hook: place.hook,
                    machine: place.machine,
                    verb: body.verb,
                    asked: body.asked,
                };
                verb = Some(of(&intent));
                self.ends.push((end, Kind::Intent, name.clone()));
                self.all.insert(name.clone(), intent.clone());
                self.open.insert(name, intent);
            }
            "doubt" => {
                if let Some(intent) = self.all.get(&name) {
                    self.open.insert(name, intent.clone());
                }
            }
            "outcome" => {
                self.open.remove(&name);
                self.ends.push((end, Kind::Outcome, name));
            }
            _ => {}
        }
        self.last = (kind, verb.unwrap_or_default());
    }
}

/// What an intent is for, with the rule of a command that changes its machine.
fn of(intent: &Intent) -> String {
    let doubt = intent.asked.get("doubt");
    let rule = match doubt {
        Some(Value::String(rule)) => format!(" ({rule})"),
        Some(Value::Object(_)) => " (verify)".to_owned(),
        _ => String::new(),
    };
    format!("{}{rule}", intent.verb)
}
