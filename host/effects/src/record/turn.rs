//! One turn of the past, and how much of it a resumed run takes from the record.

use std::collections::BTreeMap;

use cellhost_plan::MachineName;
use serde_json::Value;

use super::Asked;
use crate::{Effect, EffectError, Ending, Found, Outcome};

/// What is on record of one effect.
#[derive(Debug, Clone, PartialEq)]
pub struct PastEffect {
    /// The machine it was about.
    pub machine: MachineName,
    /// The verb of what was asked.
    pub verb: String,
    /// What was asked.
    pub asked: Value,
    /// The hash of that.
    pub digest: String,
    /// What came of it; none where the program died before that was known.
    pub told: Option<Result<Outcome, EffectError>>,
}

/// What is on record of one turn.
#[derive(Debug, Clone, Default)]
pub struct PastTurn {
    /// Its effects by their place.
    pub effects: BTreeMap<u32, PastEffect>,
    /// How it ended; none where the program died before that.
    pub ending: Option<Ending>,
    /// In which session it was last under way: 0 for the run itself, 1 for its first resume.
    pub session: u32,
}

/// What a record has to say to one effect of a turn that is gone through again.
#[derive(Debug, PartialEq)]
pub enum Answered<'a> {
    /// It was asked, and this came of it. It is not asked again.
    Given(&'a PastEffect, &'a Result<Outcome, EffectError>),
    /// A change of which nobody knows whether it happened.
    Doubtful(&'a PastEffect),
    /// A look that got no answer, while a later one did.
    Missing,
    /// The turn leaves the record with this effect and goes on with the machine.
    Live,
    /// The turn was through before it came here.
    Over,
}

impl PastEffect {
    /// Says in what an effect differs from this one.
    pub(crate) fn difference(&self, effect: &Effect, asked: &Asked) -> String {
        let (verb, machine) = (effect.act.verb(), &effect.machine);
        if verb != self.verb || *machine != self.machine {
            let (before, at) = (&self.verb, &self.machine);
            return format!("asks for a {verb} on {machine}; on record is a {before} on {at}");
        }
        let (now, before) = first_difference(&asked.value, &self.asked);
        format!("the {verb} on {machine} asks for {now}; on record is {before}")
    }

    /// Whether it is one that may change its machine.
    pub fn changes(&self) -> bool {
        matches!(self.verb.as_str(), "ensure" | "run")
    }

    /// Whether it is a change of which nobody knows whether it happened.
    pub fn is_doubtful(&self) -> bool {
        self.changes()
            && match &self.told {
                None => true,
                Some(Ok(_)) => false,
                Some(Err(error)) => error.leaves_doubt(),
            }
    }

    /// Whether it is a change that came about. A command that says of itself that it failed did
    /// not.
    pub fn is_done(&self) -> bool {
        let failed = |outcome: &Outcome| matches!(&outcome.found, Found::Ran(Some(answer)) if answer.status != 0);
        self.changes() && matches!(&self.told, Some(Ok(outcome)) if !failed(outcome))
    }

    /// Whether a machine answered, were it by saying that something is not there.
    fn is_answered(&self) -> bool {
        match &self.told {
            None => false,
            Some(Ok(_)) => true,
            Some(Err(error)) => !error.is_trouble(),
        }
    }
}

impl PastTurn {
    /// Whether it did what it should.
    pub fn is_good(&self) -> bool {
        self.ending.as_ref().is_some_and(|ending| ending.good)
    }

    /// The last effect that is taken from the record, where the turn is not over.
    ///
    /// A turn that the program's death cut off goes on where it was. One that ended badly is taken
    /// up after the last thing that it changed, because what it saw since may be why it failed.
    /// A change in doubt is the last one either way: what came before it must lead there again.
    fn anchor(&self) -> Option<u32> {
        let was_cut_off = self.ending.is_none();
        let mut latest = self.effects.iter().rev();
        let anchor = latest.find(|(_, effect)| {
            effect.is_done() || effect.is_doubtful() || (was_cut_off && effect.is_answered())
        });
        anchor.map(|(sequence, _)| *sequence)
    }

    /// The first effect that is not taken from the record; none where the turn is over.
    pub fn live_from(&self) -> Option<u32> {
        if self.is_good() {
            return None;
        }
        Some(self.anchor().map_or(0, |anchor| anchor.saturating_add(1)))
    }

    /// What the record has to say to the effect at this place.
    pub fn answer(&self, sequence: u32) -> Answered<'_> {
        let live_from = self.live_from();
        let effect = self.effects.get(&sequence);
        let told = effect.and_then(|effect| Some((effect, effect.told.as_ref()?)));
        match (live_from, effect, told) {
            (None, _, Some((effect, told))) => Answered::Given(effect, told),
            (None, ..) => Answered::Over,
            (Some(from), ..) if sequence >= from => Answered::Live,
            // The module was told of an earlier doubt, and went on from there.
            (Some(from), Some(effect), _) if effect.is_doubtful() && sequence + 1 == from => {
                Answered::Doubtful(effect)
            }
            (_, _, Some((effect, told))) => Answered::Given(effect, told),
            (_, Some(effect), None) if effect.changes() => Answered::Doubtful(effect),
            _ => Answered::Missing,
        }
    }
}

/// The first wishes of two lists that differ; of anything else the whole.
fn first_difference(now: &Value, before: &Value) -> (String, String) {
    let (Value::Array(wishes), Value::Array(known)) = (now, before) else {
        return (short(now), short(before));
    };
    let longest = wishes.len().max(known.len());
    let pairs = (0..longest).map(|at| (wishes.get(at), known.get(at)));
    let (now, before) = pairs
        .into_iter()
        .find(|(now, before)| now != before)
        .unwrap_or_default();
    let shown = |wish: Option<&Value>| wish.map_or_else(|| "nothing more".to_owned(), short);
    (shown(now), shown(before))
}

/// The beginning of a value, for people.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Told;
    use crate::{Answer, Certainty};

    type Story<'a> = (&'a str, Option<Told>);

    fn turn(good: Option<bool>, story: Vec<Story>) -> PastTurn {
        let effects = story.into_iter().map(|(verb, told)| PastEffect {
            machine: MachineName::new("m1").unwrap(),
            verb: verb.to_owned(),
            asked: Value::Null,
            digest: String::new(),
            told: told.map(Into::into),
        });
        PastTurn {
            effects: (0..).zip(effects).collect(),
            ending: good.map(|good| Ending {
                good,
                status: String::new(),
                changes: 0,
                reason: None,
            }),
            session: 0,
        }
    }

    fn words(turn: &PastTurn) -> String {
        let beyond = u32::try_from(turn.effects.len()).unwrap() + 1;
        let letters = (0..beyond).map(|sequence| match turn.answer(sequence) {
            Answered::Given(..) => 'g',
            Answered::Doubtful(_) => 'd',
            Answered::Missing => 'm',
            Answered::Live => 'l',
            Answered::Over => 'o',
        });
        letters.collect()
    }

    fn done(found: Found) -> Told {
        let certainty = Certainty::Exact;
        Told::Outcome { certainty, found }
    }

    fn settled() -> Told {
        done(Found::Settled(Vec::new()))
    }

    fn looked() -> Told {
        done(Found::Fact(None))
    }

    fn ran(status: i32) -> Told {
        let (output, errors) = (Vec::new(), Vec::new());
        done(Found::Ran(Some(Answer {
            status,
            output,
            errors,
        })))
    }

    fn unreachable(in_doubt: bool) -> Told {
        let reason = String::new();
        let error = EffectError::Unreachable {
            reason,
            in_doubt,
            lasting: false,
        };
        Told::Error { error }
    }

    fn absent() -> Told {
        let path = String::new();
        let error = EffectError::NotFound { path };
        Told::Error { error }
    }

    #[test]
    fn a_turn_that_ended_well_is_on_record_as_a_whole() {
        let story = vec![
            ("read", Some(absent())),
            ("ensure", Some(settled())),
            ("run", Some(ran(3))),
        ];
        assert_eq!(words(&turn(Some(true), story)), "gggo");
    }

    #[test]
    fn a_turn_that_was_cut_off_goes_on_where_it_was() {
        let story = || vec![("ensure", Some(settled())), ("read", Some(absent()))];
        assert_eq!(words(&turn(None, story())), "ggl");
        let with = |last| [story(), vec![last]].concat();
        assert_eq!(words(&turn(None, with(("fact", None)))), "ggll");
        assert_eq!(
            words(&turn(None, with(("fact", Some(unreachable(false)))))),
            "ggll"
        );
        assert_eq!(words(&turn(None, with(("run", Some(ran(1)))))), "gggl");
        assert_eq!(words(&turn(None, with(("run", None)))), "ggdl");
        assert_eq!(words(&turn(None, with(("ensure", None)))), "ggdl");
    }

    #[test]
    fn a_turn_that_ended_badly_is_taken_up_after_its_last_change() {
        let story = vec![
            ("fact", Some(looked())),
            ("ensure", Some(settled())),
            ("probe", Some(looked())),
            ("wait", Some(unreachable(false))),
        ];
        assert_eq!(words(&turn(Some(false), story)), "gglll");
        let story = vec![("fact", Some(looked())), ("fact", Some(looked()))];
        assert_eq!(
            words(&turn(Some(false), story)),
            "lll",
            "all of it is stale"
        );
    }

    #[test]
    fn a_command_that_failed_is_tried_again() {
        let story = vec![
            ("run", Some(ran(0))),
            ("fact", Some(looked())),
            ("run", Some(ran(1))),
        ];
        assert_eq!(words(&turn(Some(false), story)), "glll");
    }

    #[test]
    fn a_doubt_is_settled_only_where_the_module_did_not_go_on_from_it() {
        let lost = vec![("fact", Some(looked())), ("run", Some(unreachable(true)))];
        assert_eq!(words(&turn(Some(false), lost.clone())), "gdl");
        let went_on = [lost, vec![("ensure", Some(settled()))]].concat();
        assert_eq!(words(&turn(Some(false), went_on)), "gggl");
        let story = vec![("run", Some(unreachable(false)))];
        assert_eq!(words(&turn(Some(false), story)), "ll", "nothing was sent");
    }

    #[test]
    fn a_look_that_got_no_answer_among_others_is_looked_at_again() {
        let story = vec![("probe", None), ("probe", Some(looked()))];
        assert_eq!(words(&turn(None, story)), "mgl");
    }
}
