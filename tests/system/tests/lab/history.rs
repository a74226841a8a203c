//! What the record of a run tells: what was open when somebody died, and what came after.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use cellhost_effects::record::{EffectName, Past, PastEffect, Record};
use serde_json::Value;

/// One time that a run was gone on with.
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// How many answers it took from the record.
    pub(crate) answered: usize,
    /// What a probe told about, and whether it had happened.
    pub(crate) verified: BTreeMap<EffectName, bool>,
    /// What a person was asked about, and whether it had happened.
    pub(crate) asked: BTreeMap<EffectName, bool>,
    /// What was sent although it was in doubt.
    pub(crate) again: BTreeSet<EffectName>,
    /// How many changes were sent that were not on record.
    pub(crate) anew: usize,
    /// Changes that had come about and were sent once more.
    pub(crate) twice: BTreeSet<EffectName>,
}

/// The record of the run that began last; none where there was no run yet.
pub(crate) fn newest(runs: &Path) -> Result<Option<PathBuf>> {
    let mut files = Vec::new();
    if !runs.is_dir() {
        return Ok(None);
    }
    for cell in fs_err::read_dir(runs)? {
        for file in fs_err::read_dir(cell?.path())? {
            files.push(file?.path());
        }
    }
    Ok(files.into_iter().max())
}

/// How many whole lines there are.
pub(crate) fn lines(path: &Path) -> Result<usize> {
    let bytes = fs_err::read(path)?;
    Ok(bytes.split(|byte| *byte == b'\n').count() - 1)
}

/// All times that the run of a record was gone on with.
pub(crate) fn sessions(record: &Record) -> Result<Vec<Session>> {
    let mut begins: Vec<usize> = (0..record.lines.len())
        .filter(|at| {
            record
                .lines
                .get(*at)
                .is_some_and(|line| line.kind == "resume")
        })
        .collect();
    begins.push(record.lines.len());
    let pairs = begins.windows(2).filter_map(|pair| match pair {
        [from, to] => Some(session(record, *from, *to)),
        _ => None,
    });
    pairs.collect()
}

/// What a record has to say up to one of its lines.
pub(crate) fn until(record: &Record, end: usize) -> Result<Past> {
    let mut known = record.clone();
    known.lines.truncate(end);
    Ok(Past::of(&known)?)
}

/// What is in doubt.
pub(crate) fn doubtful(past: &Past) -> BTreeMap<EffectName, PastEffect> {
    let effects = effects(past);
    effects
        .into_iter()
        .filter(|(_, effect)| effect.is_doubtful())
        .map(|(name, effect)| (name, effect.clone()))
        .collect()
}

fn effects(past: &Past) -> BTreeMap<EffectName, &PastEffect> {
    let mut all = BTreeMap::new();
    for (turn, known) in past.turns() {
        for (sequence, effect) in &known.effects {
            let (turn, sequence) = (turn.clone(), *sequence);
            all.insert(EffectName { turn, sequence }, effect);
        }
    }
    all
}

fn session(record: &Record, from: usize, to: usize) -> Result<Session> {
    let past = until(record, from)?;
    let known = effects(&past);
    let mut session = Session::default();
    let mut sent = BTreeSet::new();
    let mut turns = BTreeSet::new();
    for line in record.lines.get(from..to).unwrap_or_default() {
        match line.kind.as_str() {
            "intent" => {
                sent.insert(name(&line.body)?);
            }
            "again" => {
                turns.insert(line.body.get("turn").map(Value::to_string));
            }
            "doubt" => {
                let happened = line.body.get("happened").and_then(Value::as_bool);
                let rule = line.body.get("rule").and_then(Value::as_str);
                if let Some(happened) = happened {
                    match rule {
                        Some("verify") => session.verified.insert(name(&line.body)?, happened),
                        _ => session.asked.insert(name(&line.body)?, happened),
                    };
                }
            }
            _ => {}
        }
    }
    for (name, effect) in &known {
        let turn = serde_json::to_value(&name.turn)?.to_string();
        let came = turns.contains(&Some(turn));
        if came && effect.told.is_some() && !effect.is_doubtful() && !sent.contains(name) {
            session.answered += 1;
        }
    }
    for name in sent {
        match known.get(&name) {
            Some(effect) if effect.is_done() => {
                session.twice.insert(name);
            }
            Some(effect) if effect.is_doubtful() => {
                session.again.insert(name);
            }
            _ => session.anew += 1,
        }
    }
    Ok(session)
}

fn name(body: &Value) -> Result<EffectName> {
    let effect = body.get("effect").context("a line about an effect")?;
    Ok(serde_json::from_value(effect.clone())?)
}

/// The words of the command that was asked for, where one was.
pub(crate) fn command(effect: &PastEffect) -> Vec<String> {
    let words = effect
        .asked
        .pointer("/command/argv")
        .and_then(Value::as_array);
    let words = words.into_iter().flatten().filter_map(Value::as_str);
    words.map(str::to_owned).collect()
}
