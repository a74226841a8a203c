//! The record of a run as it is written: read by whoever judges the run, and where its host dies.

use std::collections::BTreeMap;
use std::io::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cellhost_effects::record::Sink;
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
        for line in bytes.split(|byte| *byte == b'\n') {
            if let Ok(record) = serde_json::from_slice::<Value>(line) {
                kept.note(&record);
            }
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
        kept.bytes.extend_from_slice(written);
        kept.records += 1;
        if durable && !kept.loose {
            kept.durable = kept.bytes.len();
        }
        if let Ok(record) = serde_json::from_slice::<Value>(line) {
            kept.note(&record);
        }
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
    fn note(&mut self, record: &Value) {
        let word = |value: &Value, key: &str| {
            let word = value.get(key).and_then(Value::as_str);
            word.unwrap_or_default().to_owned()
        };
        let kind = word(record, "kind");
        let effect = record.get("body").and_then(|body| body.get("effect"));
        let (Some(body), Some(effect)) = (record.get("body"), effect) else {
            self.last = (kind, String::new());
            return;
        };
        let name = effect.to_string();
        let mut verb = self.open.get(&name).map(of);
        if kind == "intent" {
            let intent = Intent {
                effect: name.clone(),
                module: word(effect, "module"),
                hook: word(effect, "hook"),
                machine: word(effect, "machine"),
                verb: word(body, "verb"),
                asked: body.get("asked").cloned().unwrap_or(Value::Null),
            };
            verb = Some(of(&intent));
            self.all.insert(name.clone(), intent.clone());
            self.open.insert(name, intent);
        } else if kind == "doubt" {
            if let Some(intent) = self.all.get(&name) {
                self.open.insert(name, intent.clone());
            }
        } else if kind == "outcome" {
            self.open.remove(&name);
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
