//! What an effect asks, as it stands on record.

use std::time::Duration;

use cellhost_manifest::{canonical, digest};
use serde_json::{Map, Value, json};

use crate::{Act, Command, Content, Doubt, Effect, Input, Item, Templates, Text};

/// What an effect asks of its machine, without content: hashes stand for bytes, names for secrets.
/// Everything that makes a difference to the machine is in it, so that two effects with the same
/// digest ask for the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// In JSON.
    pub value: Value,
    /// The hash of that, of the verb and of the machine.
    pub digest: String,
}

impl Asked {
    /// What an effect asks.
    pub fn of(effect: &Effect) -> Result<Self, serde_json::Error> {
        let value = asked(&effect.act, &effect.turn.templates)?;
        let whole = json!({
            "machine": effect.machine,
            "verb": effect.act.verb(),
            "asked": value,
        });
        let digest = digest(&canonical(&whole)?);
        Ok(Self { value, digest })
    }
}

fn asked(act: &Act, templates: &Templates) -> Result<Value, serde_json::Error> {
    Ok(match act {
        Act::Ensure(items) => items
            .iter()
            .map(|item| wanted(item, templates))
            .collect::<Result<_, _>>()?,
        Act::Probe { command, .. } => commanded(command),
        Act::Wait {
            command,
            sign,
            patience,
        } => json!({
            "command": commanded(command),
            "status": sign.status,
            "contains": sign.contains,
            "patience-ms": milliseconds(*patience),
        }),
        Act::Run { command, doubt } => json!({
            "command": commanded(command),
            "doubt": match doubt {
                Doubt::Again => json!("again"),
                Doubt::Ask => json!("ask"),
                Doubt::Verify(command) => json!({"verify": commanded(command)}),
            },
        }),
        Act::Read { path, limit } => json!({"path": path, "limit": limit}),
        Act::Status { path } | Act::Entries { path } => json!({"path": path}),
        Act::Dial { dial, .. } => json!({
            "address": dial.address,
            "port": dial.port,
            "send": {"bytes": dial.send.len(), "sha256": digest(&dial.send)},
            "limit": dial.limit,
            "deadline-ms": milliseconds(dial.deadline),
        }),
        Act::Fact { name } => json!({"name": name}),
        Act::Note { kind, body } => json!({ *kind: body }),
        Act::Pause(time) => json!({"ms": milliseconds(*time)}),
        Act::Look(identities) => json!({"things": identities.len()}),
    })
}

fn wanted(item: &Item, templates: &Templates) -> Result<Value, serde_json::Error> {
    let mut wish = serde_json::to_value(item)?;
    if let Item::File(file) = item
        && let Content::Rendered { template, .. } = &file.content
        && let Some(content) = wish.pointer_mut("/file/content")
        && let Some(hash) = templates.digest(template)
    {
        // Two versions of a module may have one name for two texts.
        if let Value::Object(content) = content {
            content.insert("sha256".to_owned(), json!(hash));
        }
    }
    Ok(json!({"item": item.subject(), "wish": wish}))
}

pub(super) fn commanded(command: &Command) -> Value {
    let environment: Map<String, Value> = command
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
            Input::Secret(name) => json!({"secret": name}),
        },
        "user": command.user,
        "deadline-ms": milliseconds(command.deadline),
    })
}

fn text_of(text: &Text) -> Value {
    match text {
        Text::Plain(text) => json!(text),
        Text::Secret(name) => json!({"secret": name}),
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::File;
    use crate::testing::effect;

    fn file(path: &str, mode: u32, content: &str) -> Act {
        let file = File {
            path: path.to_owned(),
            content: Content::Bytes {
                bytes: content.as_bytes().to_vec(),
                shown: None,
            },
            mode: Some(mode),
            owner: None,
            group: None,
            backup: false,
        };
        Act::Ensure(vec![Item::File(file)])
    }

    #[test]
    fn tells_apart_whatever_a_machine_would() {
        let digest = |act| Asked::of(&effect(act)).unwrap().digest;
        let one = digest(file("/a", 0o644, "one"));
        assert_eq!(one, digest(file("/a", 0o644, "one")));
        assert_ne!(one, digest(file("/b", 0o644, "one")));
        assert_ne!(one, digest(file("/a", 0o600, "one")));
        assert_ne!(one, digest(file("/a", 0o644, "two")));
        let status = |path: &str| digest(Act::Status { path: path.into() });
        let entries = digest(Act::Entries { path: "/a".into() });
        assert_ne!(status("/a"), entries, "the verb makes a difference");
    }

    #[test]
    fn keeps_no_content() {
        let asked = Asked::of(&effect(file("/a", 0o644, "sesame"))).unwrap();
        assert!(!asked.value.to_string().contains("sesame"));
    }
}
