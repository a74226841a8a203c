//! What to do next about the masters: those that the plan wants on one side, how they are on the
//! other.
//!
//! Two groups that could each decide must always share a master. So those that leave are stopped
//! before fewer decide, and more decide before others come.

#[cfg(test)]
mod tests;

use crate::look::{Report, Seen, State};
use crate::seat::Seat;

/// The masters as they are, beside what they are meant to be.
pub(crate) struct Situation<'a> {
    /// Those of the plan.
    pub(crate) members: &'a [Seen],
    /// Those that were told to be masters and are none in the plan.
    pub(crate) others: &'a [Seen],
    /// Whether the registry may go.
    pub(crate) may_forget: bool,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Lets all of the plan begin with an empty registry.
    Found,
    /// Takes the registry of all away.
    Forget,
    /// Stops one for good.
    Retire(u32),
    /// Tells one how many of whom decide, and lets it begin by that.
    Put(u32),
    /// Gives them time; for what.
    Wait(String),
    /// Nothing: all is as planned.
    Done,
}

impl Seen {
    /// Tells whether it takes part, as far as that is known.
    pub(crate) fn serves(&self) -> bool {
        match &self.state {
            State::Answers(report) => report.has_registry && self.seat.is_some(),
            State::Assumed => self.seat.is_some(),
            _ => false,
        }
    }

    pub(crate) fn leads(&self) -> bool {
        matches!(&self.state, State::Answers(report) if report.leads)
    }
}

impl Situation<'_> {
    /// Returns what masters are to be told.
    pub(crate) fn seat(&self) -> Seat {
        Seat::among(self.members.iter().map(|one| one.id))
    }

    /// Returns the next step. Fails, with words for the operator, where any could cost the registry.
    pub(crate) fn next(&self) -> Result<Step, String> {
        let wanted = self.seat();
        let all = || self.members.iter().chain(self.others);
        self.refuse_ghosts(&wanted)?;
        if !all().any(|one| one.seat.is_some()) {
            return Ok(Step::Found);
        }
        let heirs = self.members.iter().filter(|one| one.seat.is_some());
        let count = heirs.clone().count();
        if count < wanted.quorum {
            return self.too_few(count, &wanted);
        }
        let late: Vec<&str> = heirs
            .clone()
            .filter(|one| !one.serves())
            .map(name)
            .collect();
        let mut behind: Vec<&Seen> = heirs
            .filter(|one| one.seat.as_ref() != Some(&wanted))
            .collect();
        behind.sort_by_key(|one| (one.serves(), one.leads()));
        // Who is down anyway loses nothing; but before fewer decide, those that leave have to be off.
        let is_off = |one: &Seen| one.seat.is_none() || one.state == State::Unreachable;
        if let Some(one) = self.others.iter().find(|one| !is_off(one)) {
            return Ok(wait_for(&late).unwrap_or(Step::Retire(one.id)));
        }
        if let Some(one) = behind.first() {
            let rest: Vec<&str> = late
                .iter()
                .copied()
                .filter(|late| *late != one.name)
                .collect();
            return Ok(wait_for(&rest).unwrap_or(Step::Put(one.id)));
        }
        if let Some(wait) = wait_for(&late) {
            return Ok(wait);
        }
        let newcomer = self.members.iter().find(|one| one.seat.is_none());
        Ok(newcomer.map_or_else(|| self.settle(&wanted), |one| Step::Put(one.id)))
    }

    /// Masters that left and that nobody could stop must stay too few to decide by themselves.
    fn refuse_ghosts(&self, wanted: &Seat) -> Result<(), String> {
        let gone = self.others.iter();
        let gone = gone.filter(|one| one.state == State::Unreachable);
        let ghosts: Vec<&str> = gone.map(name).collect();
        let total = wanted.masters.len() + ghosts.len();
        if ghosts.is_empty() || 2 * wanted.quorum > total {
            return Ok(());
        }
        Err(format!(
            "{} left and cannot be reached: should it come back, there would be {total} masters, \
             and {} of them could decide without the others knowing. Make sure that it never comes \
             back, and take it out of cellhost.lock",
            ghosts.join(", "),
            wanted.quorum
        ))
    }

    fn too_few(&self, count: usize, wanted: &Seat) -> Result<Step, String> {
        if self.may_forget {
            return Ok(Step::Forget);
        }
        let planned = wanted.masters.len();
        Err(format!(
            "{count} of the {planned} masters of the plan have the registry, and {} have to, or it \
             is lost: let masters come and go in smaller steps, each a run. From one master to \
             several there is none: say `forget-registry = true`, and agents register anew, while \
             maintenance and quotas are forgotten",
            wanted.quorum
        ))
    }

    /// Says whether they are whole.
    fn settle(&self, wanted: &Seat) -> Step {
        if self.members.iter().any(|one| one.state == State::Assumed) {
            return Step::Done;
        }
        let reports = self.members.iter().filter_map(|one| match &one.state {
            State::Answers(report) if report.leads => Some(report),
            _ => None,
        });
        let leaders: Vec<&Report> = reports.collect();
        match leaders.as_slice() {
            [one] if one.replicas >= wanted.masters.len() => Step::Done,
            [_] => Step::Wait("all masters to take part in the registry".to_owned()),
            [] => Step::Wait("a leader".to_owned()),
            _ => Step::Wait("one leader".to_owned()),
        }
    }
}

fn wait_for(late: &[&str]) -> Option<Step> {
    (!late.is_empty()).then(|| Step::Wait(format!("{} to serve", late.join(", "))))
}

fn name(one: &Seen) -> &str {
    &one.name
}
