//! Whether an ensemble holds still.

use super::answer::{Answer, Mode};

/// Counts how many times in a row an ensemble was whole and the same.
#[derive(Debug)]
pub(super) struct Judge {
    /// The servers that answered the last time, by their place in the plan's list, and as what.
    last: Vec<(usize, Mode)>,
    held: u32,
}

impl Judge {
    pub(super) fn new() -> Self {
        Self {
            last: Vec::new(),
            held: 0,
        }
    }

    /// Takes the answers of one round, one for each planned server in the order of the list, and
    /// says how many rounds it has held by now. What is wrong begins the count anew, and so does
    /// any difference to the round before.
    pub(super) fn see(&mut self, answers: &[&Answer]) -> Result<u32, String> {
        match whole(answers) {
            Ok(list) => {
                self.held = if list == self.last { self.held + 1 } else { 1 };
                self.last = list;
                Ok(self.held)
            }
            Err(why) => {
                self.last.clear();
                self.held = 0;
                Err(why)
            }
        }
    }
}

/// The servers that clients can count on, or why there is no quorum with one leader.
fn whole(answers: &[&Answer]) -> Result<Vec<(usize, Mode)>, String> {
    let modes = answers.iter().enumerate();
    let list: Vec<(usize, Mode)> = modes
        .filter_map(|(place, answer)| Some((place, answer.mode()?)))
        .collect();
    let count = |wanted: Mode| list.iter().filter(|(_, mode)| *mode == wanted).count();
    let alone = count(Mode::Standalone);
    if alone > 0 && answers.len() > 1 {
        return Err(format!(
            "{alone} of {} servers runs by itself, as no part of the ensemble",
            answers.len()
        ));
    }
    // Observers have no vote. One that does not answer is taken for a voter: that errs on the
    // safe side.
    let voters = answers.len() - count(Mode::Observer);
    let needed = voters / 2 + 1;
    let taking_part = list.len() - count(Mode::Observer);
    if taking_part < needed {
        let part = if taking_part == 1 { "takes" } else { "take" };
        return Err(format!(
            "no quorum: {taking_part} of {voters} {part} part, {needed} must"
        ));
    }
    match count(Mode::Leader) + alone {
        1 => Ok(list),
        0 => Err("there is no leader".to_owned()),
        leaders => Err(format!("there are {leaders} leaders")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn serving(mode: Mode) -> Answer {
        Answer::Serving { mode, zxid: None }
    }

    /// One letter for each answer: l, f, o, s, r as the modes; `-` for none, `n` for not serving.
    fn answers(letters: &str) -> Vec<Answer> {
        let answer = |letter| match letter {
            'l' => serving(Mode::Leader),
            'f' => serving(Mode::Follower),
            'o' => serving(Mode::Observer),
            's' => serving(Mode::Standalone),
            'r' => serving(Mode::ReadOnly),
            'n' => Answer::NotServing,
            _ => Answer::Silent,
        };
        letters.chars().map(answer).collect()
    }

    fn see(judge: &mut Judge, letters: &str) -> Result<u32, String> {
        let answers = answers(letters);
        judge.see(&answers.iter().collect::<Vec<_>>())
    }

    #[test]
    fn wants_a_quorum_with_one_leader() {
        let good = [
            "s", "l", "lf", "flf", "l-f", "ffl--", "lffoo", "lfo-", "lf-oo",
        ];
        for letters in good {
            assert_eq!(see(&mut Judge::new(), letters), Ok(1), "{letters}");
        }
        let bad = [
            "-", "n", "r", "o", "f", "l-", "l--", "ff", "fff", "llf", "lfl", "sff", "s--", "ss",
            "lf---", "lr-", "lfs", "nnn", "l-oo-", "",
        ];
        for letters in bad {
            assert!(see(&mut Judge::new(), letters).is_err(), "{letters}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let why = |letters| see(&mut Judge::new(), letters).unwrap_err();
        assert_eq!(why("l--"), "no quorum: 1 of 3 takes part, 2 must");
        assert_eq!(why("llf"), "there are 2 leaders");
        assert_eq!(why("fff"), "there is no leader");
        let alone = "1 of 3 servers runs by itself, as no part of the ensemble";
        assert_eq!(why("sff"), alone);
    }

    #[test]
    fn begins_anew_with_every_difference() {
        let mut judge = Judge::new();
        let rounds = [
            ("lff", Ok(1)),
            ("lff", Ok(2)),
            // One server more or less, another leader: another list.
            ("lf-", Ok(1)),
            ("lfn", Ok(2)),
            ("flf", Ok(1)),
            ("flf", Ok(2)),
            ("ff-", Err(())),
            ("flf", Ok(1)),
        ];
        for (letters, expected) in rounds {
            assert_eq!(
                see(&mut judge, letters).map_err(drop),
                expected,
                "{letters}"
            );
        }
    }

    proptest! {
        /// Whatever an ensemble does: the count never says more than what was really the same at
        /// the end of all that was seen, so one that flaps never holds.
        #[test]
        fn never_counts_more_than_was_the_same_in_a_row(
            rounds in prop::collection::vec("[lf-]{3}", 1..40)
        ) {
            let mut judge = Judge::new();
            for end in 1..=rounds.len() {
                let said = see(&mut judge, &rounds[end - 1]).unwrap_or(0);
                let last = &rounds[end - 1];
                let leaders = last.matches('l').count();
                let there = last.len() - last.matches('-').count();
                let same = rounds[..end].iter().rev().take_while(|one| *one == last).count();
                let expected = if leaders == 1 && there >= 2 { same } else { 0 };
                prop_assert_eq!(usize::try_from(said).unwrap(), expected);
            }
        }

        #[test]
        fn never_holds_for_an_ensemble_that_flaps(
            period in 1_usize..9,
            states in ("[lf-]{3}", "[lf-]{3}").prop_filter("differ", |(a, b)| a != b),
        ) {
            let mut judge = Judge::new();
            for round in 0..200 {
                let state = if round / period % 2 == 0 { &states.0 } else { &states.1 };
                let held = see(&mut judge, state).unwrap_or(0);
                prop_assert!(usize::try_from(held).unwrap() <= period);
            }
        }
    }
}
