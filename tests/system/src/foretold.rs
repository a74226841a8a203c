//! What a dry run foretold, held against the record of the run that followed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context as _, Result, bail};
use cellhost_effects::record::{Past, PastEffect, Record, TurnName};
use cellhost_effects::{
    AgreedChange, AgreedCommand, AgreedWish, Agreement, Certainty, EffectError, Found, Settlement,
    Word,
};
use cellhost_plan::MachineName;
use serde_json::Value;

/// How much of what changed was foretold, and how surely.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Foretold {
    /// Changes that were certain. All of them came about, each in its turn and word for word.
    pub exact: usize,
    /// Changes that were assumed.
    pub assumed: usize,
    /// Changes that were unknown.
    pub unknown: usize,
    /// Those of the assumed and the unknown that came about word for word all the same.
    pub as_told: usize,
    /// Changes that came about otherwise than told, where it was told that they might.
    pub otherwise: usize,
}

/// Where something changes: in which turn, on which machine.
type Place = (TurnName, MachineName);

/// What changes there.
type Thing = (Place, String);

/// What a run did to its machines.
#[derive(Default)]
struct Came {
    /// What changed of things, line by line.
    lines: BTreeMap<Thing, Vec<String>>,
    /// What ran.
    commands: BTreeMap<Place, Vec<Ran>>,
}

/// A command that ran.
struct Ran {
    argv: Vec<String>,
    user: Option<String>,
}

/// Reads what `cellhost plan -o` has kept.
pub fn agreement(kept: &str) -> Result<Agreement> {
    let mut kept: Value = serde_json::from_str(kept)?;
    let agreement = kept.get_mut("agreement").map(Value::take);
    Ok(serde_json::from_value(agreement.context("no kept plan")?)?)
}

/// Fails unless everything that was certain came about, in the same turn and word for word, and
/// nothing came about that was not foretold at all. Names every change for which that is not so.
pub fn foretold_comes_about(agreement: &Agreement, record: &[u8]) -> Result<Foretold> {
    let mut comparison = Comparison {
        came: Came::of(&Past::of(&Record::parse(record)?)?),
        open: BTreeSet::new(),
        told: Foretold::default(),
        wrong: Vec::new(),
    };
    // What is certain comes first: what is not must not pass for it.
    comparison.take(agreement, true);
    comparison.take(agreement, false);
    comparison.leave();
    let Comparison { told, wrong, .. } = comparison;
    if !wrong.is_empty() {
        bail!("not as foretold ({told}):\n{}", wrong.join("\n"));
    }
    Ok(told)
}

/// What was foretold beside what came about, from which everything foretold is taken away.
struct Comparison {
    came: Came,
    /// What may come about otherwise than told.
    open: BTreeSet<Thing>,
    told: Foretold,
    wrong: Vec<String>,
}

impl Comparison {
    /// Takes what was certain, or all the rest.
    fn take(&mut self, agreement: &Agreement, sure: bool) {
        let is_meant = |certainty| (certainty == Certainty::Exact) == sure;
        for effect in &agreement.effects {
            let place = (effect.name.turn.clone(), effect.machine.clone());
            match &effect.change {
                AgreedChange::Settles(wishes) => {
                    for wish in wishes.iter().filter(|wish| is_meant(wish.certainty)) {
                        self.wish(&(place.clone(), wish.subject.clone()), wish);
                    }
                }
                AgreedChange::Runs(command) if is_meant(command.certainty) => {
                    self.command(&place, command);
                }
                AgreedChange::Runs(_) => {}
            }
        }
    }

    fn wish(&mut self, thing: &Thing, wish: &AgreedWish) {
        let sure = wish.certainty == Certainty::Exact;
        if !sure {
            self.open.insert(thing.clone());
        }
        if wish.lines.is_empty() {
            return;
        }
        let came = self.came.take(thing, &wish.lines);
        if sure && !came {
            let lines = wish.lines.join(", ");
            let thing = shown(&thing.0, &thing.1);
            self.wrong
                .push(format!("{thing}: `{lines}` did not come about"));
        }
        self.told.count(wish.certainty, came);
    }

    fn command(&mut self, place: &Place, command: &AgreedCommand) {
        let came = self.came.take_command(place, command);
        if command.certainty == Certainty::Exact && !came {
            let command = shown(place, &words(command));
            self.wrong.push(format!("{command} did not run"));
        }
        self.told.count(command.certainty, came);
    }

    /// Counts what is left and might be otherwise; all else is wrong.
    fn leave(&mut self) {
        let lines = self.came.lines.iter();
        for (thing, lines) in lines.filter(|(_, lines)| !lines.is_empty()) {
            if self.open.contains(thing) {
                self.told.otherwise += 1;
                continue;
            }
            let (place, about) = thing;
            let lines = lines.join(", ");
            let thing = shown(place, about);
            self.wrong
                .push(format!("{thing}: `{lines}` was not foretold"));
        }
        for (place, commands) in &self.came.commands {
            for ran in commands {
                let command = shown(place, &ran.argv.join(" "));
                self.wrong.push(format!("{command} was not foretold"));
            }
        }
    }
}

impl Came {
    fn of(past: &Past) -> Self {
        let mut came = Self::default();
        for (turn, past) in past.turns() {
            for effect in past.effects.values() {
                came.add((turn.clone(), effect.machine.clone()), effect);
            }
        }
        came
    }

    fn add(&mut self, place: Place, effect: &PastEffect) {
        for settlement in settled(effect) {
            let lines = self
                .lines
                .entry((place.clone(), settlement.subject.clone()));
            lines.or_default().extend(settlement.lines.iter().cloned());
        }
        if effect.verb == "run" && was_sent(effect) {
            let word = |word: &Value| word.as_str().map(str::to_owned);
            let argv = effect.asked.pointer("/command/argv");
            let argv = argv.and_then(Value::as_array).into_iter().flatten();
            self.commands.entry(place).or_default().push(Ran {
                argv: argv.filter_map(word).collect(),
                user: effect.asked.pointer("/command/user").and_then(word),
            });
        }
    }

    /// Takes lines away, where all of them are there.
    fn take(&mut self, thing: &Thing, wanted: &[String]) -> bool {
        let Some(lines) = self.lines.get_mut(thing) else {
            return false;
        };
        let mut rest = lines.clone();
        for line in wanted {
            let Some(at) = rest.iter().position(|other| other == line) else {
                return false;
            };
            rest.remove(at);
        }
        *lines = rest;
        true
    }

    fn take_command(&mut self, place: &Place, command: &AgreedCommand) -> bool {
        let Some(commands) = self.commands.get_mut(place) else {
            return false;
        };
        let found = commands.iter().position(|ran| ran.is(command));
        found.map(|at| commands.remove(at)).is_some()
    }
}

impl Ran {
    fn is(&self, command: &AgreedCommand) -> bool {
        let same = |(word, other): (&Word, &String)| match word {
            Word::Known(word) => word == other,
            Word::Open { .. } => true,
        };
        self.argv.len() == command.argv.len()
            && command.argv.iter().zip(&self.argv).all(same)
            && self.user == command.user
    }
}

impl Foretold {
    fn count(&mut self, certainty: Certainty, came: bool) {
        match certainty {
            Certainty::Exact => self.exact += 1,
            Certainty::Assumed => self.assumed += 1,
            Certainty::Unknown => self.unknown += 1,
        }
        if came && certainty != Certainty::Exact {
            self.as_told += 1;
        }
    }
}

impl fmt::Display for Foretold {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            exact,
            assumed,
            unknown,
            as_told,
            otherwise,
        } = self;
        write!(
            formatter,
            "{exact} exact, {assumed} assumed, {unknown} unknown; of the unsure {as_told} came \
             about as told and {otherwise} things otherwise"
        )
    }
}

/// What of a list came about, were the list as a whole to fail.
fn settled(effect: &PastEffect) -> &[Settlement] {
    match &effect.told {
        Some(Ok(outcome)) => match &outcome.found {
            Found::Settled(settlements) => settlements,
            _ => &[],
        },
        Some(Err(EffectError::Failed(failure))) => &failure.settlements,
        Some(Err(EffectError::NotAgreed { settlements, .. })) => settlements,
        _ => &[],
    }
}

/// Whether a command came to its machine, or may have.
fn was_sent(effect: &PastEffect) -> bool {
    match &effect.told {
        Some(Ok(outcome)) => matches!(outcome.found, Found::Ran(Some(_))),
        Some(Err(error)) => !matches!(
            error,
            EffectError::NotAgreed { .. } | EffectError::Denied { .. } | EffectError::Foreseen
        ),
        None => true,
    }
}

fn shown((turn, machine): &Place, about: &str) -> String {
    format!("{turn} on {machine}: {about}")
}

fn words(command: &AgreedCommand) -> String {
    let words = command.argv.iter().map(|word| match word {
        Word::Known(word) | Word::Open { like: word } => word.as_str(),
    });
    words.collect::<Vec<_>>().join(" ")
}
