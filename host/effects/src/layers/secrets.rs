//! Puts the values of secrets in on the way down and takes them out on the way up.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::{
    Act, Answer, Command, Content, Effect, EffectError, Effects, Found, Input, Item, Outcome,
    Settlement, Text, Turn, Vault,
};

/// Fills secrets into templates, environments and inputs; scrubs them from whatever comes back.
pub struct Secrets<E> {
    inner: E,
    vault: Arc<Vault>,
}

impl<E: Effects> Secrets<E> {
    /// A layer over another with the secrets of a vault.
    pub fn new(inner: E, vault: Arc<Vault>) -> Self {
        Self { inner, vault }
    }

    fn filled(&self, effect: &Effect) -> Result<Act, EffectError> {
        let turn = &effect.turn;
        Ok(match effect.act.clone() {
            Act::Ensure(items) => Act::Ensure(
                items
                    .into_iter()
                    .map(|item| self.rendered(item, turn))
                    .collect::<Result<_, _>>()?,
            ),
            Act::Probe { command, assumed } => Act::Probe {
                command: self.command(command)?,
                assumed,
            },
            Act::Wait {
                command,
                sign,
                patience,
            } => Act::Wait {
                command: self.command(command)?,
                sign,
                patience,
            },
            Act::Run { command, doubt } => Act::Run {
                command: self.command(command)?,
                doubt,
            },
            other => other,
        })
    }

    fn rendered(&self, item: Item, turn: &Turn) -> Result<Item, EffectError> {
        let mut file = match item {
            Item::File(file) => file,
            Item::Container(mut container) => {
                for (_, text) in &mut container.environment {
                    if let Text::Secret(name) = text {
                        *text = Text::Plain(self.value(name.as_str())?.to_owned());
                    }
                }
                return Ok(Item::Container(container));
            }
            other => return Ok(other),
        };
        if let Content::Rendered {
            template,
            mut variables,
        } = file.content
        {
            let shown = shown(turn, &template, &variables)?;
            self.reveal(&mut variables)?;
            let text = turn
                .templates
                .render(&template, &variables)
                .map_err(|error| self.scrubbed_error(EffectError::invalid(error.to_string())))?;
            file.content = Content::Bytes {
                bytes: text.into_bytes(),
                shown,
            };
        }
        Ok(Item::File(file))
    }

    /// Replaces every `{"secret": name}` in the value.
    fn reveal(&self, value: &mut Value) -> Result<(), EffectError> {
        if let Some(name) = secret_name(value) {
            *value = Value::String(self.value(name)?.to_owned());
            return Ok(());
        }
        match value {
            Value::Array(list) => list.iter_mut().try_for_each(|member| self.reveal(member)),
            Value::Object(members) => members
                .values_mut()
                .try_for_each(|member| self.reveal(member)),
            _ => Ok(()),
        }
    }

    fn command(&self, mut command: Command) -> Result<Command, EffectError> {
        for (_, text) in &mut command.environment {
            if let Text::Secret(name) = text {
                *text = Text::Plain(self.value(name.as_str())?.to_owned());
            }
        }
        if let Input::Secret(name) = &command.input {
            command.input = Input::Bytes(self.value(name.as_str())?.as_bytes().to_vec());
        }
        Ok(command)
    }

    fn value(&self, name: &str) -> Result<&str, EffectError> {
        self.vault
            .reveal(name)
            .ok_or_else(|| EffectError::invalid(format!("there is no secret `{name}`")))
    }

    fn scrubbed(&self, mut outcome: Outcome) -> Outcome {
        match &mut outcome.found {
            Found::Settled(settlements) => {
                self.scrub_settlements(settlements);
            }
            Found::Answer(answer) | Found::Ran(Some(answer)) => self.scrub_answer(answer),
            Found::Bytes(bytes) | Found::Dialed(bytes) => self.vault.scrub(bytes),
            Found::Entries(entries) => {
                for entry in entries {
                    self.vault.scrub_text(entry);
                }
            }
            Found::Fact(Some(fact)) => self.vault.scrub_text(fact),
            Found::Ran(None)
            | Found::Fact(None)
            | Found::Status(_)
            | Found::Facts(_)
            | Found::Paused
            | Found::Noted => {}
        }
        outcome
    }

    fn scrub_settlements(&self, settlements: &mut [Settlement]) {
        for settlement in settlements {
            settlement
                .lines
                .iter_mut()
                .for_each(|line| self.vault.scrub_text(line));
            if let Some(diff) = &mut settlement.diff {
                self.vault.scrub_text(diff);
            }
        }
    }

    fn scrub_answer(&self, answer: &mut Answer) {
        self.vault.scrub(&mut answer.output);
        self.vault.scrub(&mut answer.errors);
    }

    fn scrubbed_error(&self, mut error: EffectError) -> EffectError {
        match &mut error {
            EffectError::Denied { rule: text }
            | EffectError::Invalid { reason: text }
            | EffectError::Unreachable { reason: text, .. }
            | EffectError::Leased { reason: text, .. }
            | EffectError::Deadline { reason: text }
            | EffectError::NotFound { path: text }
            | EffectError::Other { reason: text } => self.vault.scrub_text(text),
            EffectError::Failed(failure) => {
                for missed in &mut failure.missed {
                    self.vault.scrub_text(&mut missed.trouble.message);
                }
                self.scrub_settlements(&mut failure.settlements);
            }
            EffectError::NotAgreed {
                reason,
                settlements,
            } => {
                self.vault.scrub_text(reason);
                self.scrub_settlements(settlements);
            }
            EffectError::Diverged { .. }
            | EffectError::Undecided { .. }
            | EffectError::TooLarge { .. }
            | EffectError::PortClosed
            | EffectError::Foreseen
            | EffectError::Interrupted { .. } => {}
        }
        error
    }
}

#[async_trait]
impl<E: Effects> Effects for Secrets<E> {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        let act = self.filled(&effect)?;
        let vault = self.vault.clone();
        let listener = effect
            .listener
            .clone()
            .after(move |line| vault.scrub_text(line));
        let effect = Effect {
            listener,
            ..effect.asking(act)
        };
        match self.inner.perform(effect).await {
            Ok(outcome) => Ok(self.scrubbed(outcome)),
            Err(error) => Err(self.scrubbed_error(error)),
        }
    }
}

/// The text as it may be shown, where it has secrets in it.
fn shown(turn: &Turn, template: &str, variables: &Value) -> Result<Option<String>, EffectError> {
    let mut names = Vec::new();
    secret_names(variables, &mut names);
    if names.is_empty() {
        return Ok(None);
    }
    turn.templates
        .render(template, &masked(variables.clone()))
        .map(Some)
        .map_err(|error| EffectError::invalid(error.to_string()))
}

/// The name in an object of the form `{"secret": name}`.
pub(crate) fn secret_name(value: &Value) -> Option<&str> {
    match value {
        Value::Object(members) if members.len() == 1 => members.get("secret")?.as_str(),
        _ => None,
    }
}

/// Every secret that a value names.
pub(crate) fn secret_names<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    if let Some(name) = secret_name(value) {
        found.push(name);
        return;
    }
    match value {
        Value::Array(list) => list.iter().for_each(|member| secret_names(member, found)),
        Value::Object(members) => members
            .values()
            .for_each(|member| secret_names(member, found)),
        _ => {}
    }
}

/// The value with `[secret:<name>]` in the place of every `{"secret": name}`: what a module may
/// see of a rendering.
pub fn masked(mut value: Value) -> Value {
    if let Some(name) = secret_name(&value) {
        return Value::String(format!("[secret:{name}]"));
    }
    match &mut value {
        Value::Array(list) => {
            for member in list {
                *member = masked(member.take());
            }
        }
        Value::Object(members) => {
            for (_, member) in members.iter_mut() {
                *member = masked(member.take());
            }
        }
        _ => {}
    }
    value
}
