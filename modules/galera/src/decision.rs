//! What to do next, given how all members are.
//!
//! A cluster is begun by one member alone. Begun beside a living one it would be a second of the
//! same name, whose data the first would later replace without a word; begun from a member that is
//! behind, it would lose what others have. So it is begun only where all were looked at.

#[cfg(test)]
mod tests;

use crate::look::{Seen, State};
use crate::member::{DATA, NOTE};
use crate::remains::Remains;

/// The members as they are, beside the cluster that they are meant to be.
pub(crate) struct Situation<'a> {
    /// What the cluster is called.
    pub(crate) cluster: &'a str,
    /// How its members are.
    pub(crate) members: &'a [Seen],
    /// How those are that the plan no longer has.
    pub(crate) leaving: &'a [Seen],
    /// Whether members that run without a quorum were given time to find each other.
    pub(crate) was_patient: bool,
}

/// What to do next, about a member by its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Begins a cluster that has never been.
    Found(u32),
    /// Finds out how far it is, who does not say.
    Measure(u32),
    /// Stops one that runs and serves nobody, to find out how far it is.
    Stop(u32),
    /// Begins a cluster again that has stopped.
    Revive(u32),
    /// Starts one beside others.
    Start(u32),
    /// Gives members time; for what.
    Wait(String),
    /// Nothing: all is as planned.
    Done,
}

impl Situation<'_> {
    /// Returns the next step. Fails, with words for the operator, where any could cost data.
    pub(crate) fn next(&self) -> Result<Step, String> {
        if let Some(why) = self.all().find_map(|one| one.stranger(self.cluster)) {
            return Err(why);
        }
        let living: Vec<&Seen> = self.all().filter(|one| one.lives()).collect();
        match living.first() {
            Some(one) => {
                Self::refuse_two(&living)?;
                self.beside(one)
            }
            None => self.begin(),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Seen> {
        self.members.iter().chain(self.leaving)
    }

    /// Two clusters cannot become one.
    fn refuse_two(living: &[&Seen]) -> Result<(), String> {
        let mut known = living.iter().filter_map(|one| Some((one, history(one)?)));
        let Some((one, own)) = known.next() else {
            return Ok(());
        };
        match known.find(|(_, other)| *other != own) {
            None => Ok(()),
            Some((other, _)) => Err(format!(
                "{} and {} serve two clusters of this name with two histories: stop the one whose \
                 data may go, and move {DATA} away on all of its members",
                one.name, other.name
            )),
        }
    }

    /// Goes on where there is a cluster: others come to it, one at a time.
    fn beside(&self, living: &Seen) -> Result<Step, String> {
        let late = |one: &&Seen| !one.is_in_step();
        let coming = |one: &&Seen| !matches!(one.state, State::Stopped(_) | State::Unknown(_));
        // Also those that leave: one that gives its data to another is behind for that time.
        if let Some(one) = self.members.iter().filter(coming).find(late) {
            return Ok(Step::Wait(format!("{}, which {}", one.name, one.state)));
        }
        let stopped = |one: &&Seen| matches!(one.state, State::Stopped(_));
        match self.members.iter().find(stopped) {
            Some(one) => {
                may_join(one, living, self.cluster)?;
                Ok(Step::Start(one.ordinal))
            }
            None => Ok(Step::Done),
        }
    }

    /// Begins, where nobody serves.
    fn begin(&self) -> Result<Step, String> {
        let unknown = self.all().filter_map(|one| match &one.state {
            State::Unknown(why) => Some(format!("{} ({why})", one.name)),
            _ => None,
        });
        let unknown: Vec<String> = unknown.collect();
        if !unknown.is_empty() {
            return Err(format!(
                "nobody serves, and these cannot be looked at: {}. They may be a cluster that \
                 lives, or have what no other has: bring them back first",
                unknown.join(", ")
            ));
        }
        let runs = |one: &&Seen| !matches!(one.state, State::Stopped(_));
        if let Some(one) = self.all().find(runs) {
            return Ok(if self.was_patient {
                Step::Stop(one.ordinal)
            } else {
                Step::Wait(format!("a quorum: {} {}", one.name, one.state))
            });
        }
        self.refuse_lost()?;
        if !self
            .all()
            .any(|one| remains(one).is_some_and(Remains::is_something))
        {
            let first = self.members.first().map(|one| Step::Found(one.ordinal));
            return Ok(first.unwrap_or(Step::Done));
        }
        self.revive()
    }

    /// A disk that is not mounted looks like one that is empty.
    fn refuse_lost(&self) -> Result<(), String> {
        let is_empty = |one: &&Seen| !remains(one).is_some_and(Remains::is_something);
        let lost = self.all().filter(|one| one.note.is_some()).filter(is_empty);
        let lost: Vec<&str> = lost.map(|one| one.name.as_str()).collect();
        if lost.is_empty() {
            return Ok(());
        }
        Err(format!(
            "nobody serves, and {} no data any more in {DATA}, where a member had some: perhaps \
             a disk that is not mounted, and what only it has would be lost. Bring it back; or, if \
             it is gone for good, say so there by `rm {NOTE}`",
            match lost.as_slice() {
                [one] => format!("{one} has"),
                many => format!("{} have", many.join(", ")),
            }
        ))
    }

    /// Begins again from the member that is furthest.
    fn revive(&self) -> Result<Step, String> {
        let holders = || {
            let holders = self.all().filter_map(|one| Some((one, remains(one)?)));
            holders.filter(|(_, remains)| remains.is_something())
        };
        for (one, remains) in holders() {
            if remains.history.is_none() && one.note.is_none() {
                return Err(databases_of_its_own(one));
            }
            if remains.position.is_none() {
                return Ok(Step::Measure(one.ordinal));
            }
        }
        let mut furthest: Option<(&Seen, &Remains)> = None;
        for (one, remains) in holders() {
            match furthest {
                Some((other, best)) if best.history != remains.history => {
                    return Err(two_histories(other, one));
                }
                Some((_, best)) if rank(best) >= rank(remains) => {}
                _ => furthest = Some((one, remains)),
            }
        }
        match furthest {
            Some((one, _)) if self.members.contains(one) => Ok(Step::Revive(one.ordinal)),
            Some((one, _)) => Err(format!(
                "nobody serves, and {}, which the plan no longer has, is further than all members: \
                 keep it in the plan until the others have what it has",
                one.name
            )),
            None => Ok(Step::Done),
        }
    }
}

/// How far a member is; of two that are as far, the one that left last.
fn rank(remains: &Remains) -> (Option<i64>, bool) {
    (remains.position, remains.was_last)
}

/// Says why a member may not join a cluster: it gets all data from there, and its own goes.
pub(crate) fn may_join(one: &Seen, living: &Seen, cluster: &str) -> Result<(), String> {
    let Some(remains) = remains(one) else {
        return Ok(());
    };
    match (&remains.history, history(living)) {
        (Some(own), Some(other)) if own != other => Err(two_histories(living, one)),
        (None, _) if remains.has_databases && one.note.as_deref() != Some(cluster) => {
            Err(databases_of_its_own(one))
        }
        _ => Ok(()),
    }
}

fn databases_of_its_own(one: &Seen) -> String {
    format!(
        "{} has databases in {DATA} that are of no cluster: they would go when it gets the \
         cluster's. Save what is in them and move {DATA} away",
        one.name
    )
}

fn two_histories(one: &Seen, other: &Seen) -> String {
    format!(
        "{} and {} have data of two different histories, which cannot become one: move {DATA} away \
         on the one whose data may go",
        one.name, other.name
    )
}

fn remains(one: &Seen) -> Option<&Remains> {
    match &one.state {
        State::Stopped(remains) => Some(remains),
        _ => None,
    }
}

fn history(one: &Seen) -> Option<&str> {
    match &one.state {
        State::Answers(report) => Some(report.history.as_str()),
        State::Stopped(remains) => remains.history.as_deref(),
        _ => None,
    }
}
