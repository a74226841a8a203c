//! Words about what was asked and what came of it.

use cellhost_effects::Found;
use cellhost_effects::record::PastEffect;
use serde_json::Value;

use crate::report::{clean, quoted};

/// The longest text of a machine that is shown on a line.
const LONGEST: usize = 100;

/// What an effect asked.
pub(super) fn asked(effect: &PastEffect) -> String {
    let asked = &effect.asked;
    let text = |key: &str| asked.get(key).and_then(Value::as_str);
    if let Some(argv) = asked.pointer("/command/argv").or(asked.get("argv")) {
        let words = argv.as_array().into_iter().flatten();
        let words = words.filter_map(Value::as_str).map(quoted);
        return words.collect::<Vec<_>>().join(" ");
    }
    if let Value::Array(wishes) = asked {
        return format!("{} wishes", wishes.len());
    }
    if let Some(word) = text("path").or(text("name")) {
        return clean(word);
    }
    match (text("address"), asked.get("port")) {
        (Some(address), Some(port)) => format!("{}:{port}", clean(address)),
        _ => String::new(),
    }
}

/// What came of it.
pub(super) fn came(effect: &PastEffect) -> String {
    let outcome = match &effect.told {
        None => return "(no outcome)".to_owned(),
        Some(Err(error)) => return format!("-> {}", short(&error.to_string())),
        Some(Ok(outcome)) => outcome,
    };
    match &outcome.found {
        Found::Settled(settlements) => {
            let changed = settlements.iter().filter(|settled| settled.changed());
            let lines: Vec<String> = changed
                .map(|settled| {
                    let lines: Vec<String> = settled.lines.iter().map(|line| clean(line)).collect();
                    format!(
                        "\n        {}: {}",
                        clean(&settled.subject),
                        lines.join(", ")
                    )
                })
                .collect();
            match lines.len() {
                0 => "-> as wished".to_owned(),
                count => format!("-> {count} changed{}", lines.concat()),
            }
        }
        Found::Answer(answer) | Found::Ran(Some(answer)) => {
            let output = String::from_utf8_lossy(&answer.output);
            let output = short(output.trim());
            format!("-> status {} {output}", answer.status)
                .trim_end()
                .to_owned()
        }
        Found::Ran(None) => "-> not sent".to_owned(),
        Found::Bytes(bytes) | Found::Dialed(bytes) => format!("-> {} bytes", bytes.len()),
        Found::Status(None) => "-> nothing there".to_owned(),
        Found::Status(Some(status)) => format!("-> {:?}, {} bytes", status.kind, status.size),
        Found::Entries(entries) => format!("-> {} entries", entries.len()),
        Found::Fact(fact) => format!("-> {}", fact.as_deref().map_or("unknown".to_owned(), short)),
        Found::Paused | Found::Noted | Found::Facts(_) => String::new(),
    }
}

fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut shown: String = clean(line).chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
