//! The record of a run: what was intended, before it is sent, and what came of it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cellhost_manifest::digest;
use cellhost_transport::resources::archive::Source;
use fs_err::os::unix::fs::OpenOptionsExt as _;
use serde_json::{Value, json};

use crate::{Act, Content, Doubt, Effect, EffectError, Effects, Found, Input, Item, Outcome, Text};

/// A file of JSON lines, each chained to the one before by its hash.
pub struct Journal {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    file: fs_err::File,
    next: u64,
    last: String,
}

/// Why a record could not be kept. A run does not go on without its record.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be made or written.
    #[error("cannot write the journal")]
    Unwritable {
        /// Why not; names the file.
        #[from]
        source: std::io::Error,
    },
    /// The journal was broken by a panic while it was written.
    #[error("the journal was left half written")]
    Poisoned,
}

impl Journal {
    /// Begins a new journal. There must be no file yet.
    pub fn begin(path: &Path) -> Result<Self, JournalError> {
        // What machines answered is nobody else's business.
        let file = fs_err::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        let state = State {
            file,
            next: 0,
            last: String::new(),
        };
        Ok(Self {
            path: path.to_owned(),
            state: Mutex::new(state),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends one record of a kind. With `durable` it is on the disk when this returns.
    pub fn append(&self, kind: &str, body: &Value, durable: bool) -> Result<(), JournalError> {
        let mut state = self.state.lock().map_err(|_| JournalError::Poisoned)?;
        let record = json!({
            "number": state.next,
            "before": state.last,
            "at": jiff::Timestamp::now().to_string(),
            "kind": kind,
            "body": body,
        });
        let mut line = record.to_string();
        state.last = digest(line.as_bytes());
        state.next += 1;
        line.push('\n');
        state.file.write_all(line.as_bytes())?;
        if durable {
            state.file.sync_data()?;
        }
        Ok(())
    }
}

/// Records each effect before it goes down and its outcome when it comes back.
pub struct Journaled<E> {
    inner: E,
    journal: Arc<Journal>,
}

impl<E: Effects> Journaled<E> {
    /// A layer over another that writes to a journal.
    pub fn new(inner: E, journal: Arc<Journal>) -> Self {
        Self { inner, journal }
    }
}

#[async_trait]
impl<E: Effects> Effects for Journaled<E> {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        let place = json!({
            "module": effect.turn.module.as_str(),
            "hook": effect.turn.hook,
            "machine-of-turn": effect.turn.machine.as_ref().map(cellhost_plan::MachineName::as_str),
            "round": effect.turn.round,
            "sequence": effect.sequence,
            "machine": effect.machine.as_str(),
        });
        let written = |error: JournalError| EffectError::other(error.to_string());
        let changes = effect.act.changes();
        let intent =
            json!({"effect": place, "verb": effect.act.verb(), "asked": asked(&effect.act)});
        // Only an intent to change must not be lost: a lost look is looked at again.
        self.journal
            .append("intent", &intent, changes)
            .map_err(written)?;
        let result = self.inner.perform(effect).await;
        let outcome = match &result {
            Ok(outcome) => json!({
                "effect": place,
                "certainty": outcome.certainty,
                "found": found(&outcome.found),
            }),
            Err(EffectError::Failed(failure)) => json!({
                "effect": place,
                "error": failure.to_string(),
                "found": failure.settlements,
            }),
            Err(error) => json!({"effect": place, "error": error.to_string()}),
        };
        self.journal
            .append("outcome", &outcome, changes)
            .map_err(written)?;
        result
    }
}

/// What was asked, without content: hashes stand for bytes, names for secrets.
fn asked(act: &Act) -> Value {
    match act {
        Act::Ensure(items) => items.iter().map(wanted).collect(),
        Act::Probe { command, .. } => commanded(command),
        Act::Wait {
            command,
            sign,
            patience,
        } => json!({
            "command": commanded(command),
            "status": sign.status,
            "contains": sign.contains,
            "patience-ms": u64::try_from(patience.as_millis()).unwrap_or(u64::MAX),
        }),
        Act::Run { command, doubt } => json!({
            "command": commanded(command),
            "doubt": match doubt {
                Doubt::Again => json!("again"),
                Doubt::Ask => json!("ask"),
                Doubt::Verify(command) => commanded(command),
            },
        }),
        Act::Read { path, .. } | Act::Status { path } | Act::Entries { path } => json!(path),
        Act::Dial { dial, .. } => json!({"address": dial.address, "port": dial.port}),
        Act::Fact { name } => json!(name),
        Act::Pause(time) => json!({"ms": u64::try_from(time.as_millis()).unwrap_or(u64::MAX)}),
        Act::Look(identities) => json!(identities.len()),
    }
}

fn wanted(item: &Item) -> Value {
    let content = match item {
        Item::File(file) => match &file.content {
            Content::Bytes { bytes, .. } => json!({"sha256": digest(bytes)}),
            Content::Rendered {
                template,
                variables,
            } => {
                json!({"template": template, "variables": variables})
            }
        },
        Item::Edit(edit) => json!(edit),
        Item::Download(download) => json!({"url": download.url, "sha256": download.hash}),
        Item::Archive(archive) => {
            let from = match &archive.source {
                Source::Url(url) => json!({"url": url}),
                Source::Path(path) => json!({"path": path}),
            };
            json!({"from": from, "sha256": archive.hash})
        }
        Item::Sysctl(sysctl) => json!({"value": sysctl.value, "live": sysctl.live}),
        Item::KernelModule(module) => json!({"options": module.options}),
        Item::Mount(mount) => json!({
            "source": mount.source,
            "type": mount.kind,
            "options": mount.options,
        }),
        Item::Container(container) => {
            let variables = container.environment.iter();
            let variables: serde_json::Map<String, Value> = variables
                .map(|(name, text)| (name.clone(), text_of(text)))
                .collect();
            let base = &container.base;
            let volumes = base.volumes.iter();
            let volumes: Vec<Value> = volumes
                .map(|volume| {
                    json!({
                        "source": volume.source,
                        "target": volume.target,
                        "read-only": volume.read_only,
                    })
                })
                .collect();
            json!({
                "image": base.image,
                "command": base.command,
                "environment": variables,
                "ports": base.ports,
                "volumes": volumes,
                "network": base.network,
                "restart": base.restart,
            })
        }
        Item::Cron(cron) => json!({
            "schedule": cron.schedule,
            "user": cron.user,
            "command": cron.command,
            "environment": cron.environment,
        }),
        _ => Value::Null,
    };
    json!({"item": item.subject(), "content": content})
}

fn commanded(command: &crate::Command) -> Value {
    let environment: serde_json::Map<String, Value> = command
        .environment
        .iter()
        .map(|(name, text)| (name.clone(), text_of(text)))
        .collect();
    json!({
        "argv": command.argv,
        "environment": environment,
        "input": match &command.input {
            Input::Nothing => Value::Null,
            Input::Bytes(bytes) => json!({"sha256": digest(bytes)}),
            Input::Secret(name) => json!({"secret": name.as_str()}),
        },
        "user": command.user,
    })
}

fn text_of(text: &Text) -> Value {
    match text {
        Text::Plain(text) => json!(text),
        Text::Secret(name) => json!({"secret": name.as_str()}),
    }
}

fn found(found: &Found) -> Value {
    let answer = |answer: &crate::Answer| {
        json!({
            "status": answer.status,
            "output": String::from_utf8_lossy(&answer.output),
            "errors": String::from_utf8_lossy(&answer.errors),
        })
    };
    match found {
        Found::Settled(settlements) => json!(settlements),
        Found::Answer(told) | Found::Ran(Some(told)) => answer(told),
        Found::Ran(None) => json!("skipped"),
        Found::Bytes(bytes) | Found::Dialed(bytes) => {
            json!({"bytes": bytes.len(), "sha256": digest(bytes)})
        }
        Found::Status(status) => json!(status.as_ref().map(|status| format!("{status:?}"))),
        Found::Entries(entries) => json!(entries),
        Found::Fact(fact) => json!(fact),
        Found::Paused => Value::Null,
        Found::Facts(facts) => json!(facts.len()),
    }
}
