//! `cellhost runs show`: what a run asked of each machine, and what came of it.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use cellhost_effects::Hook;
use cellhost_effects::record::{EffectName, Past, PastEffect, PastTurn, Record, Told, TurnName};
use serde_json::{Value, json};

use super::super::counted;
use super::super::resume::moment;
use super::{object, words};
use crate::afar;
use crate::error::{CommandError, Kind};
use crate::record::{Entry, Shelf};
use crate::report::{Format, clean, place_of};
use crate::terminal::Terminal;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run, by its name or the beginning of it
    #[arg(value_name = "RUN")]
    run: String,

    /// The plan whose store is looked into beside this computer; `plan.toml`, where one is here,
    /// unless given
    #[arg(long, value_name = "PLAN")]
    plan: Option<PathBuf>,

    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) async fn run(args: &Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    afar::refresh(args.plan.as_deref(), terminal).await?;
    let entry = Shelf::open()?.find(&args.run)?;
    let (past, torn) = read(&entry)
        .with_context(|| format!("cannot use the record of run {}", entry.short()))
        .map_err(|error| CommandError::new(Kind::Failed, error))?;
    match args.format {
        Format::Text => terminal.data(text(&entry, &past)),
        Format::Json => terminal.data(format!("{}\n", data(&entry, &past))),
    }
    if torn > 0 {
        terminal.note("its last line was being written when the program died, and is left out");
    }
    Ok(ExitCode::SUCCESS)
}

fn read(entry: &Entry) -> anyhow::Result<(Past, usize)> {
    let record = Record::read(&entry.path)?;
    Ok((Past::of(&record)?, record.torn))
}

fn text(entry: &Entry, past: &Past) -> String {
    let opening = &entry.opening;
    let mut text = format!(
        "run {} of cell {}: {}, {}\n",
        entry.id,
        opening.cell,
        opening.kind.word(),
        entry.ended.word(),
    );
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "began {} with {}",
        moment(&entry.began),
        opening.plan.path.display()
    );
    if past.session() > 0 {
        let times = usize::try_from(past.session()).unwrap_or(usize::MAX);
        let _ = writeln!(text, "resumed {}", counted(times, "time"));
    }
    let mut module = None;
    for (name, turn) in past.turns() {
        if module != Some(&name.module) {
            module = Some(&name.module);
            let used = opening.modules.iter().find(|used| used.name == name.module);
            let what = used.map_or_else(String::new, |used| {
                format!(" ({} {})", used.module, used.version)
            });
            let _ = writeln!(text, "\n{}{what}", name.module);
        }
        told(&mut text, name, turn);
    }
    text
}

fn told(text: &mut String, name: &TurnName, turn: &PastTurn) {
    let round = match name.round {
        0 => String::new(),
        round => format!(", round {round}"),
    };
    let place = place_of(name.hook, name.machine.as_ref());
    let hook = name
        .machine
        .as_ref()
        .map_or_else(String::new, |_| format!(" {}", name.hook));
    let ended = turn.ending.as_ref().map_or_else(
        || "cut off".to_owned(),
        |ending| match (ending.changes, &ending.reason) {
            (0, None) => ending.status.clone(),
            (changes, None) => format!("{} {changes}", ending.status),
            (_, Some(reason)) => format!("{}: {}", ending.status, clean(reason)),
        },
    );
    let _ = writeln!(text, "  {place}{hook}{round}  {ended}");
    for (sequence, effect) in &turn.effects {
        let on = if name.machine.as_ref() == Some(&effect.machine) {
            String::new()
        } else {
            format!(" on {}", effect.machine)
        };
        let doubt = if in_doubt(name, effect) {
            let turn = name.clone();
            let sequence = *sequence;
            format!("  IN DOUBT ({})", EffectName { turn, sequence })
        } else {
            String::new()
        };
        let _ = writeln!(
            text,
            "    {}{on}  {}  {}{doubt}",
            effect.verb,
            words::asked(effect),
            words::came(effect),
        );
    }
}

/// Whether nobody knows what became of it. A turn that only foresees changes nothing.
fn in_doubt(name: &TurnName, effect: &PastEffect) -> bool {
    name.hook != Hook::Foresee && effect.is_doubtful()
}

fn data(entry: &Entry, past: &Past) -> Value {
    let turns: Vec<Value> = past
        .turns()
        .iter()
        .map(|(name, turn)| {
            let effects: Vec<Value> = turn
                .effects
                .iter()
                .map(|(sequence, effect)| {
                    let turn = name.clone();
                    let sequence = *sequence;
                    json!({
                        "effect": EffectName { turn, sequence }.to_string(),
                        "machine": effect.machine,
                        "verb": effect.verb,
                        "asked": effect.asked,
                        "told": effect.told.as_ref().map(Told::from),
                        "in-doubt": in_doubt(name, effect),
                    })
                })
                .collect();
            json!({
                "turn": name,
                "ending": turn.ending,
                "effects": effects,
            })
        })
        .collect();
    let mut whole = object(entry);
    if let Value::Object(members) = &mut whole {
        members.insert("resumed".to_owned(), past.session().into());
        members.insert("modules".to_owned(), json!(entry.opening.modules));
        members.insert("turns".to_owned(), turns.into());
    }
    whole
}
