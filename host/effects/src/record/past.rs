//! What a record says of the turns of a run.

use std::collections::BTreeMap;

use cellhost_manifest::{canonical, digest};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::intent::{Came, CameAgain};
use super::{
    Asked, EffectName, Intent, Line, PastEffect, PastTurn, Record, RecordError, Told, TurnEnded,
    TurnName, WentLive,
};
use crate::{Effect, EffectError, Ending, Outcome};

/// The turns of a run, with what was asked and what came of it last.
#[derive(Debug, Clone, Default)]
pub struct Past {
    turns: BTreeMap<TurnName, PastTurn>,
    session: u32,
    is_over: bool,
}

impl Past {
    /// Reads the turns out of a record.
    pub fn of(record: &Record) -> Result<Self, RecordError> {
        let mut past = Self::default();
        for (at, line) in record.lines.iter().enumerate() {
            past.take(line)
                .map_err(|reason| RecordError::broken(at, reason))?;
        }
        Ok(past)
    }

    /// What a run that is lived through once more begins with.
    pub(crate) fn beginning_like(other: &Self) -> Self {
        Self {
            turns: BTreeMap::new(),
            session: other.session,
            is_over: other.is_over,
        }
    }

    /// All turns by name.
    pub fn turns(&self) -> &BTreeMap<TurnName, PastTurn> {
        &self.turns
    }

    /// One turn.
    pub fn turn(&self, name: &TurnName) -> Option<&PastTurn> {
        self.turns.get(name)
    }

    /// Whether the run came to its end, without being interrupted.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// How often the run was resumed.
    pub fn session(&self) -> u32 {
        self.session
    }

    /// The turns to which the run came when it was last under way. A resumed run need not come to
    /// all of those that came before: a gate that waited long the first time need not the second.
    pub fn current(&self) -> impl Iterator<Item = (&TurnName, &PastTurn)> {
        let turns = self.turns.iter();
        turns.filter(|(_, turn)| turn.session == self.session)
    }

    /// A hash over everything that was asked in the turns of [`current`](Self::current), what
    /// came of it and how they ended. Times and the order of turns are not in it: whoever lives
    /// through the run once more comes to the same.
    pub fn digest(&self) -> Result<String, serde_json::Error> {
        let turns: Vec<Value> = self
            .current()
            .map(|(name, turn)| {
                let effects: Vec<Value> = turn
                    .effects
                    .iter()
                    .map(|(sequence, effect)| {
                        json!([
                            sequence,
                            effect.digest,
                            effect.told.as_ref().map(Told::from)
                        ])
                    })
                    .collect();
                let ending = turn.ending.as_ref();
                json!({
                    "turn": name,
                    "effects": effects,
                    "ending": ending.map(|ending| (&ending.status, ending.changes)),
                })
            })
            .collect();
        Ok(digest(&canonical(&turns)?))
    }

    /// Keeps an effect and what came of it.
    pub fn keep(
        &mut self,
        effect: &Effect,
        asked: Asked,
        told: Option<Result<Outcome, EffectError>>,
    ) {
        let name = EffectName::from(effect);
        let effect = PastEffect {
            machine: effect.machine.clone(),
            verb: effect.act.verb().to_owned(),
            asked: asked.value,
            digest: asked.digest,
            told,
        };
        self.touched(name.turn)
            .effects
            .insert(name.sequence, effect);
    }

    /// Keeps how a turn ended.
    pub fn keep_ending(&mut self, name: TurnName, ending: Ending) {
        self.touched(name).ending = Some(ending);
    }

    fn touched(&mut self, name: TurnName) -> &mut PastTurn {
        let turn = self.turns.entry(name).or_default();
        turn.session = self.session;
        turn
    }

    fn take(&mut self, line: &Line) -> Result<(), String> {
        match line.kind.as_str() {
            "resume" => {
                self.session += 1;
                self.is_over = false;
            }
            "intent" => {
                let intent: Intent = read(line)?;
                let effect = PastEffect {
                    machine: intent.effect.machine,
                    verb: intent.verb,
                    asked: intent.asked,
                    digest: intent.digest,
                    told: None,
                };
                let name = intent.effect.name;
                self.touched(name.turn)
                    .effects
                    .insert(name.sequence, effect);
            }
            "outcome" => {
                let came: Came = read(line)?;
                let name = came.effect.name;
                let turn = self.touched(name.turn.clone());
                let Some(effect) = turn.effects.get_mut(&name.sequence) else {
                    return Err(format!("tells what came of `{name}`, which nobody asked"));
                };
                effect.told = Some(came.told.into());
            }
            "again" => {
                let again: CameAgain = read(line)?;
                self.touched(again.turn);
            }
            "live" => {
                let live: WentLive = read(line)?;
                let turn = self.touched(live.turn);
                turn.effects.retain(|sequence, _| *sequence < live.from);
                turn.ending = None;
            }
            "turn" => {
                let ended: TurnEnded = read(line)?;
                self.keep_ending(ended.turn, ended.ending);
            }
            "end" => self.is_over = line.body.get("interrupted") != Some(&Value::Bool(true)),
            _ => {}
        }
        Ok(())
    }
}

fn read<T: DeserializeOwned>(line: &Line) -> Result<T, String> {
    T::deserialize(&line.body).map_err(|error| format!("makes no sense: {error}"))
}
