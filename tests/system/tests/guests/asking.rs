//! Effects asked past any guest: what the layers answer, whoever asks.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Result, anyhow};
use cellhost_effects::{
    Act, Certainty, Command, Consent, Content, Doubt, Effect, EffectError, Effects, File, Hook,
    Input, Item, Listener, Outcome, Rights, Service, Templates, Turn,
};
use cellhost_manifest::Manifest;
use cellhost_plan::{InstanceName, SecretName};
use cellhost_transport::resources::{directory::Directory, path::Absent, software::Software};
use serde_json::Value;

use crate::stage::{Mode, Stage, machine};

/// Somebody with rights, before a stack of layers.
pub(crate) struct Asker {
    turn: Arc<Turn>,
    effects: Arc<dyn Effects>,
    journal: PathBuf,
    asked: AtomicU32,
}

impl Asker {
    /// Has these asks on `m1` and `m2`, the secret `own`, and the template `file` = `{{ value }}`.
    pub(crate) fn new(stage: &Stage, mode: Mode, hook: Hook, asks: &str) -> Result<Self> {
        let journal = stage.journal()?;
        let effects = stage.stack(mode, &journal)?;
        Self::before(effects, journal, hook, asks)
    }

    /// The same before these layers, which write to this journal.
    pub(crate) fn before(
        effects: Arc<dyn Effects>,
        journal: PathBuf,
        hook: Hook,
        asks: &str,
    ) -> Result<Self> {
        let text = format!("name = \"asker\"\nversion = \"1.2.3\"\n{asks}");
        let manifest =
            Manifest::parse("module.toml", &text).map_err(|wrong| anyhow!(wrong.render(false)))?;
        let secret = SecretName::new("own").map_err(|problem| anyhow!("{problem}"))?;
        let rights = Rights {
            asks: manifest.asks,
            machines: BTreeSet::from([machine("m1"), machine("m2")]),
            secrets: BTreeSet::from([secret]),
            ..Rights::default()
        };
        let templates = [("file".to_owned(), "value {{ value }}\n".to_owned())];
        let turn = Turn {
            module: InstanceName::new("asker").map_err(|problem| anyhow!("{problem}"))?,
            version: manifest.version,
            hook,
            machine: Some(machine("m1")),
            round: 0,
            given: Certainty::Exact,
            rights: Arc::new(rights),
            templates: Arc::new(Templates::parse(&templates.into())?),
        };
        Ok(Self {
            turn: Arc::new(turn),
            effects,
            journal,
            asked: AtomicU32::new(0),
        })
    }

    /// The same module in another hook, before the same layers.
    pub(crate) fn taking(&self, hook: Hook) -> Self {
        let turn = &self.turn;
        let turn = Turn {
            module: turn.module.clone(),
            version: turn.version.clone(),
            hook,
            machine: turn.machine.clone(),
            round: turn.round,
            given: turn.given,
            rights: turn.rights.clone(),
            templates: turn.templates.clone(),
        };
        Self {
            turn: Arc::new(turn),
            effects: self.effects.clone(),
            journal: self.journal.clone(),
            asked: AtomicU32::new(0),
        }
    }

    /// Asks something of `m1`.
    pub(crate) async fn ask(&self, act: Act) -> Result<Outcome, EffectError> {
        self.ask_of("m1", act).await
    }

    /// Asks something of a machine.
    pub(crate) async fn ask_of(&self, on: &str, act: Act) -> Result<Outcome, EffectError> {
        let effect = Effect {
            turn: self.turn.clone(),
            sequence: self.asked.fetch_add(1, Ordering::Relaxed),
            machine: machine(on),
            act,
            listener: Listener::default(),
            consent: Consent::default(),
        };
        self.effects.perform(effect).await
    }

    /// The record so far.
    pub(crate) fn record(&self) -> Result<String> {
        Ok(fs_err::read_to_string(&self.journal)?)
    }

    /// The last thing on record.
    pub(crate) fn last(&self) -> Result<Value> {
        let record = self.record()?;
        let line = record.lines().last().unwrap_or_default();
        Ok(serde_json::from_str(line)?)
    }
}

/// A wish for a file with this content.
pub(crate) fn file(path: &str, content: &str) -> Item {
    Item::File(File {
        path: path.to_owned(),
        content: Content::Bytes {
            bytes: content.into(),
            shown: None,
        },
        mode: None,
        owner: None,
        group: None,
        backup: false,
    })
}

/// A wish for a file out of the template `file`.
pub(crate) fn rendered(path: &str, value: &Value) -> Item {
    Item::File(File {
        path: path.to_owned(),
        content: Content::Rendered {
            template: "file".to_owned(),
            variables: serde_json::json!({ "value": value }),
        },
        mode: None,
        owner: None,
        group: None,
        backup: false,
    })
}

/// A wish for a directory.
pub(crate) fn directory(path: &str) -> Item {
    Item::Directory(Directory {
        path: path.to_owned(),
        mode: None,
        owner: None,
        group: None,
    })
}

/// A wish for nothing at a path.
pub(crate) fn absent(path: &str) -> Item {
    Item::Absent(Absent {
        path: path.to_owned(),
    })
}

/// A wish for a package.
pub(crate) fn software(name: &str) -> Item {
    Item::Software(Software {
        names: BTreeSet::from([name.to_owned()]),
        ..Software::default()
    })
}

/// A wish for a service that runs.
pub(crate) fn service(name: &str) -> Item {
    Item::Service(Service {
        name: name.to_owned(),
        enabled: true,
        running: true,
        restart_for: Vec::new(),
        reload_for: Vec::new(),
    })
}

/// A command, and nothing beside it.
pub(crate) fn command(argv: &[&str]) -> Command {
    Command {
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        input: Input::Nothing,
        environment: Vec::new(),
        user: None,
        deadline: Duration::from_secs(10),
    }
}

/// A command that only looks.
pub(crate) fn probe(command: Command) -> Act {
    Act::Probe {
        command,
        assumed: None,
    }
}

/// A command that changes something.
pub(crate) fn run(command: Command) -> Act {
    Act::Run {
        command,
        doubt: Doubt::Again,
    }
}
