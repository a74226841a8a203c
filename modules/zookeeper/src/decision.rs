//! What to do next: the members that the plan wants on one side, how they are on the other.
//!
//! Two lists in use never differ by more than one member. Then a majority of the one and a majority
//! of the other always share somebody, who cannot vote twice: there is never a second ensemble.

#[cfg(test)]
mod tests;

use crate::list::List;
use crate::look::{Seen, State};
use crate::report::{Report, Role};

/// The ensemble as it is, beside what it is meant to be.
pub(crate) struct Situation<'a> {
    /// Who is to belong to it.
    pub(crate) planned: &'a List,
    /// How those are.
    pub(crate) members: &'a [Seen],
    /// How those are that the plan no longer has.
    pub(crate) leaving: &'a [Seen],
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Founds the ensemble: gives all members the list of all. Where there is no data yet, they may
    /// vote without.
    Found { is_new: bool },
    /// Gives one member a list and restarts it for that.
    Put { id: u32, list: List },
    /// Restarts one that leads, so that another does.
    HandOver { id: u32 },
    /// Stops one that has left.
    Dismiss { id: u32 },
    /// Gives it time; for what.
    Wait(String),
    /// Nothing: all is as planned.
    Done,
}

impl Seen {
    /// Tells whether it serves clients, as far as that is known.
    pub(crate) fn serves(&self) -> bool {
        match self.state {
            State::Serving(_) => true,
            State::Assumed => self.list.is_some() && self.is_marked,
            _ => false,
        }
    }

    fn runs(&self) -> bool {
        self.serves() || self.state == State::Waiting
    }

    fn leads(&self) -> bool {
        matches!(&self.state, State::Serving(report) if report.role == Role::Leader)
    }

    fn is_in_step(&self) -> bool {
        match &self.state {
            State::Serving(report) => report.is_in_step,
            _ => self.serves(),
        }
    }

    /// Tells whether it has a vote by its own list.
    fn votes(&self) -> bool {
        self.list.as_ref().is_some_and(|list| list.has(self.id))
    }

    fn goes_by(&self, list: &List) -> bool {
        self.list.as_ref() == Some(list)
    }
}

impl Situation<'_> {
    /// Returns the next step. Fails, with words for the operator, where any could cost data.
    pub(crate) fn next(&self) -> Result<Step, String> {
        self.refuse_ghosts()?;
        if let Some(step) = self.found()? {
            return Ok(step);
        }
        if let Some(step) = self.bring_back() {
            return Ok(step);
        }
        let lists = self.lists();
        match lists.as_slice() {
            [] => Ok(Step::Wait("a member that votes".to_owned())),
            [one] => Ok(self.from(one)),
            [one, two] if one.differing(two).len() == 1 => {
                let far = |list: &List| list.differing(self.planned).len();
                let (from, to) = if far(one) < far(two) {
                    (two, one)
                } else {
                    (one, two)
                };
                Ok(self.change(from, to))
            }
            _ => Err(self.discord()),
        }
    }

    /// Goes on where all are of one mind.
    fn from(&self, current: &List) -> Step {
        if let Some(id) = self.left(current) {
            return Step::Dismiss { id };
        }
        match self.towards_plan(current) {
            // Who does not serve may lack what the others have written: first they are whole again.
            Some(next) => match self.missing(current) {
                Some(wait) => wait,
                None => self.change(current, &next),
            },
            None => self.settle(),
        }
    }

    /// Returns the list with which a member can come to those that serve, where it cannot come by
    /// itself: with a vote only if it had one.
    pub(crate) fn admission(&self, id: u32) -> Option<List> {
        let leader = self.all().find(|one| one.leads())?;
        let current = leader.list.as_ref()?.voters();
        if current.has(id) {
            return Some(current);
        }
        Some(current.with_observer(id, self.planned))
    }

    fn all(&self) -> impl Iterator<Item = &Seen> {
        self.members.iter().chain(self.leaving)
    }

    /// Members that left and that nobody could tell to stop must stay too few to go on alone.
    fn refuse_ghosts(&self) -> Result<(), String> {
        let gone = |one: &&Seen| one.state == State::Unreachable;
        let ghosts: Vec<&str> = self.leaving.iter().filter(gone).map(name).collect();
        let total = self.members.len() + self.leaving.len();
        if ghosts.len() > total / 2 {
            return Err(format!(
                "{} cannot be reached, and are so many that they could go on as an ensemble of \
                 their own: bring back enough of them, or make sure that they never come back and \
                 take them out of cellhost.lock",
                ghosts.join(", ")
            ));
        }
        Ok(())
    }

    /// Founds the ensemble where there is none.
    fn found(&self) -> Result<Option<Step>, String> {
        if self.all().any(Seen::serves) {
            return Ok(None);
        }
        let is_new = self.members.iter().all(|one| one.is_blank);
        let holders: Vec<&str> = self
            .leaving
            .iter()
            .filter(|one| !one.is_blank)
            .map(name)
            .collect();
        if is_new && !holders.is_empty() {
            return Err(format!(
                "no member of the plan has data, and {} may have: keep at least one that has it in \
                 the plan until the others have caught up",
                holders.join(", ")
            ));
        }
        // Each has what it had, be it nothing yet: it was taken off, or its configuration is gone.
        let is_own = |one: &Seen| one.is_marked && one.list.is_none();
        let is_restored = self.members.iter().all(is_own);
        if !is_new && !is_restored {
            return Ok(None);
        }
        let is_set = |one: &Seen| one.is_marked && one.goes_by(self.planned);
        if self.members.iter().all(is_set) {
            return Ok(Some(Step::Wait("the first quorum".to_owned())));
        }
        Ok(Some(Step::Found { is_new }))
    }

    /// Starts a member again whose data or list is gone: with the list of the others, and without
    /// a vote until it has caught up.
    fn bring_back(&self) -> Option<Step> {
        let known = |one: &&Seen| one.votes() && (one.serves() || !one.is_blank);
        let current = self.all().find(known)?.list.as_ref()?.voters();
        let lost = |one: &&Seen| {
            !one.serves() && current.has(one.id) && (!one.is_marked || one.list.is_none())
        };
        let one = self.members.iter().find(lost)?;
        let list = current;
        Some(Step::Put { id: one.id, list })
    }

    /// Returns the different lists by which members vote.
    fn lists(&self) -> Vec<&List> {
        let leader = self.all().find(|one| one.leads());
        let known = leader.and_then(|one| one.list.as_ref());
        let mut lists: Vec<&List> = Vec::new();
        let leaving = self.leaving.iter().filter(|one| one.runs());
        for one in self.members.iter().chain(leaving).filter(|one| one.votes()) {
            let Some(list) = &one.list else { continue };
            // One that was away while others came and went is new to them.
            let is_stray = |known: &List| !known.has(one.id) && known.differing(list).len() > 1;
            if (one.serves() || !known.is_some_and(is_stray)) && !lists.contains(&list) {
                lists.push(list);
            }
        }
        lists
    }

    /// Returns one that is no longer on the list, and still has its own.
    fn left(&self, list: &List) -> Option<u32> {
        let has_left = |one: &&Seen| {
            !list.has(one.id) && one.list.is_some() && one.state != State::Unreachable
        };
        self.leaving.iter().find(has_left).map(|one| one.id)
    }

    /// Says who of those that stay does not serve.
    fn missing(&self, current: &List) -> Option<Step> {
        let stays = |one: &&Seen| current.has(one.id) && !one.is_in_step();
        let late: Vec<&str> = self.members.iter().filter(stays).map(name).collect();
        (!late.is_empty()).then(|| Step::Wait(format!("{} to serve", late.join(", "))))
    }

    fn discord(&self) -> String {
        let voters = self.all().filter(|one| one.votes());
        let words: Vec<String> = voters
            .filter_map(|one| {
                let ids: Vec<String> = one.list.as_ref()?.ids().map(|id| id.to_string()).collect();
                Some(format!("{} knows {}", one.name, ids.join(" ")))
            })
            .collect();
        format!(
            "members do not agree on who belongs to the ensemble, by more than one: {}. Two \
             ensembles could arise. Give all of them the same {} by hand, and restart them",
            words.join("; "),
            crate::member::LIST
        )
    }

    /// Returns the list that is one member nearer to the plan: first the dead go, who only make the
    /// majority harder to have; then others come; then those who serve go.
    fn towards_plan(&self, current: &List) -> Option<List> {
        let differing = current.differing(self.planned);
        let goes = |id: &u32| !self.planned.has(*id);
        let seen = |id: u32| self.all().find(|one| one.id == id);
        let is_dead = |id: &u32| !seen(*id).is_some_and(Seen::serves);
        let leads = |id: &u32| seen(*id).is_some_and(Seen::leads);
        let mut going = differing.iter().copied().filter(goes).rev();
        let dead = going.clone().find(is_dead);
        let coming = differing.iter().copied().find(|id| !goes(id));
        let quiet = going.clone().find(|id| !leads(id));
        let id = dead.or(coming).or(quiet).or_else(|| going.next())?;
        Some(current.taking(id, self.planned))
    }

    /// Takes all members from one list to another, which differs by one member; the leader last.
    fn change(&self, current: &List, next: &List) -> Step {
        // One that leaves and is down is left as it is.
        let is_out = |one: &Seen| !self.planned.has(one.id) && !one.serves() && !one.goes_by(next);
        let concerned: Vec<&Seen> = self
            .all()
            .filter(|one| next.has(one.id) && !is_out(one))
            .collect();
        let put = |one: &Seen, list: List| Step::Put { id: one.id, list };
        for one in concerned.iter().filter(|one| !one.goes_by(next)) {
            let is_new = !current.has(one.id);
            let listening = current.with_observer(one.id, next);
            match (is_new, one.serves()) {
                (true, true) if !one.votes() && one.is_in_step() => return put(one, next.clone()),
                // First it listens: it has no vote before it has everything.
                (true, _) if !one.goes_by(&listening) || !one.is_marked => {
                    return put(one, listening);
                }
                (true, _) => return Step::Wait(format!("{} to catch up", one.name)),
                // What is down anyway can be restarted.
                (false, false) => return put(one, next.clone()),
                (false, true) => {}
            }
        }
        // One alone, or two, cannot serve until all have the new list.
        let can_serve = next.len() > next.majority();
        let is_fine = |one: &Seen| {
            one.is_in_step() || (!can_serve && one.goes_by(next) && one.state == State::Waiting)
        };
        let late: Vec<&str> = concerned
            .iter()
            .filter(|one| !is_fine(one))
            .map(|one| name(one))
            .collect();
        if !late.is_empty() {
            return Step::Wait(format!("{} to serve", late.join(", ")));
        }
        let goes = |one: &&Seen| current.has(one.id) && !next.has(one.id);
        let gone = self.all().find(goes);
        if let Some(one) = gone.filter(|one| one.leads() && current.len() > 2) {
            return Step::HandOver { id: one.id };
        }
        let mut behind: Vec<&&Seen> = concerned.iter().filter(|one| !one.goes_by(next)).collect();
        behind.sort_by_key(|one| one.leads());
        if let Some(one) = behind.first() {
            return put(one, next.clone());
        }
        match self.left(next) {
            Some(id) => Step::Dismiss { id },
            None => self.settle(),
        }
    }

    /// Says whether the ensemble is whole.
    fn settle(&self) -> Step {
        let late: Vec<&str> = self
            .members
            .iter()
            .filter(|one| !one.is_in_step())
            .map(name)
            .collect();
        if !late.is_empty() {
            return Step::Wait(format!("{} to serve", late.join(", ")));
        }
        if self.members.iter().any(|one| one.state == State::Assumed) {
            return Step::Done;
        }
        let leaders: Vec<&Report> = self
            .members
            .iter()
            .filter_map(|one| match &one.state {
                State::Serving(report) if report.role == Role::Leader => Some(report),
                _ => None,
            })
            .collect();
        match leaders.as_slice() {
            [one] if one.followers + 1 == self.members.len() => Step::Done,
            [_] => Step::Wait("all followers to be in step".to_owned()),
            [] => Step::Wait("a leader".to_owned()),
            _ => Step::Wait("one leader".to_owned()),
        }
    }
}

fn name(one: &Seen) -> &str {
    &one.name
}
