//! What a request is about, in words that a journal has too.

use std::collections::BTreeSet;

use cellhost_effects::record::Past;
use cellhost_plan::MachineName;
use cellhost_transport::{Identity, Request};
use serde_json::Value;

use crate::tape::Intent;

/// What is asked, under whatever lease.
pub fn asked(request: &Request) -> &Request {
    match request {
        Request::Leased { request, .. } | Request::Within { request, .. } => asked(request),
        other => other,
    }
}

/// What a request changes or may: one name for each thing. Looks have none.
pub fn things(request: &Request) -> Vec<String> {
    match asked(request) {
        Request::Settle(tasks) => tasks
            .iter()
            .map(|task| named(&task.wish.identity()))
            .collect(),
        Request::Command(command) => vec![format!("command {}", command.argv.join(" "))],
        _ => Vec::new(),
    }
}

/// Whether an intent speaks of everything that a request is about.
pub fn covers(intent: &Intent, request: &Request) -> bool {
    match asked(request) {
        Request::Settle(tasks) => {
            let subjects = subjects(&intent.asked);
            let has = |name: &str| subjects.iter().any(|subject| subject.ends_with(name));
            intent.verb == "ensure" && tasks.iter().all(|task| has(&named(&task.wish.identity())))
        }
        Request::Command(command) => {
            let own = |asked: &Value| {
                let words = asked.get("argv").and_then(Value::as_array);
                words.is_some_and(|words| {
                    words
                        .iter()
                        .map(Value::as_str)
                        .eq(command.argv.iter().map(|word| Some(word.as_str())))
                })
            };
            let within = |key: &str| intent.asked.get(key).is_some_and(own);
            own(&intent.asked)
                || within("command")
                || intent.asked.pointer("/doubt/verify").is_some_and(own)
        }
        _ => true,
    }
}

/// Whether a command is the one that an intent gives to find out whether its own ran.
pub fn verifies(intent: &Intent, request: &Request) -> bool {
    let own = intent.asked.pointer("/command/argv").map(Value::to_string);
    match asked(request) {
        Request::Command(command) => own != serde_json::to_string(&command.argv).ok(),
        _ => false,
    }
}

/// What changes of a run came about, by machine.
pub fn completed(past: &Past) -> BTreeSet<(MachineName, String)> {
    let effects = past.turns().values().flat_map(|turn| turn.effects.values());
    effects
        .filter(|effect| effect.is_done())
        .flat_map(|effect| {
            let names = match effect.verb.as_str() {
                "ensure" => subjects(&effect.asked).into_iter().map(whole).collect(),
                _ => Vec::from_iter(words(&effect.asked)),
            };
            names.into_iter().map(|name| (effect.machine.clone(), name))
        })
        .collect()
}

/// The name that a thing has elsewhere, from the subject that a journal has for it.
fn whole(subject: &str) -> String {
    subject
        .find('/')
        .and_then(|at| subject.get(at..))
        .unwrap_or(subject)
        .to_owned()
}

/// The command of an intent to run one.
fn words(asked: &Value) -> Option<String> {
    let argv = asked.pointer("/command/argv")?.as_array()?;
    let argv: Vec<&str> = argv.iter().filter_map(Value::as_str).collect();
    Some(format!("command {}", argv.join(" ")))
}

fn subjects(asked: &Value) -> Vec<&str> {
    let items = asked.as_array().map(Vec::as_slice).unwrap_or_default();
    let subjects = items.iter().filter_map(|item| item.get("item")?.as_str());
    subjects.collect()
}

/// The end of the subject that a journal has for a thing.
fn named(identity: &Identity) -> String {
    match identity {
        Identity::Path { path, .. } | Identity::Content(path) | Identity::Creation(path) => {
            path.clone()
        }
        Identity::Software(names) => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            format!("software {}", names.join(" "))
        }
        Identity::Service(watch) => format!("service {}", watch.name),
        Identity::Group(name) => format!("group {name}"),
        Identity::User(name) => format!("user {name}"),
        Identity::KernelModule(name) => format!("kernel module {name}"),
        Identity::Container(name) => format!("container {name}"),
    }
}
