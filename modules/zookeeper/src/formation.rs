//! Founding, growing, shrinking: looks, lets decide, performs, and looks again.

use cellhost_sdk::log;
use cellhost_sdk::prelude::*;

use crate::decision::{Situation, Step};
use crate::list::List;
use crate::look::{self, Seen};
use crate::member;
use crate::settings::Settings;

/// More steps than any change of members takes.
const STEPS: usize = 1000;
/// The seconds that anything may take, beside what the settings allow for catching up.
const PATIENCE: u32 = 90;

/// Brings the ensemble to where it should be.
pub(crate) fn form(cell: &Cell<Settings>) -> Result<(), Failure> {
    let formation = Formation::of(cell);
    if let Some(words) = evenness(formation.members.len()) {
        log::warn(&words);
    }
    formation.settle()
}

/// Lets a member that is new, or has lost its data, come to an ensemble that serves. That is not
/// left to `form`: a change that rolls through the members would find it down.
pub(crate) fn join(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
    if machine.stat(&member::marker(cell, machine))?.is_some() {
        return Ok(());
    }
    let formation = Formation::of(cell);
    let others = formation.members.iter();
    let others = others.filter(|one| one.ordinal() != machine.ordinal());
    let others: Vec<Seen> = others.map(|one| look::if_any(cell, one)).collect();
    let leaving = formation.leaving.iter();
    let leaving: Vec<Seen> = leaving.map(|one| look::if_any(cell, one)).collect();
    let situation = Situation {
        planned: &formation.planned,
        members: &others,
        leaving: &leaving,
    };
    let Some(list) = situation.admission(machine.ordinal()) else {
        return Ok(());
    };
    // It refuses data of others.
    look::at(cell, machine)?;
    member::enlist(cell, machine, &list, false)?;
    log::doing("catching up with the ensemble");
    for _ in 0..formation.patience() {
        let seen = look::at(cell, machine)?;
        if seen.serves() {
            return Ok(());
        }
        machine.pause(1)?;
    }
    // Two that vote may both need the other's new list: `form` says what is missing.
    Ok(())
}

struct Formation<'a> {
    cell: &'a Cell<Settings>,
    planned: List,
    members: Vec<Machine>,
    leaving: Vec<Machine>,
}

impl<'a> Formation<'a> {
    fn of(cell: &'a Cell<Settings>) -> Self {
        let members = cell.members();
        let numbered = members.iter().map(|one| (one.ordinal(), one.address()));
        Self {
            cell,
            planned: List::of(cell.settings(), numbered),
            leaving: cell.leaving(),
            members,
        }
    }

    fn settle(&self) -> Result<(), Failure> {
        let mut waited = 0;
        for _ in 0..STEPS {
            let (members, leaving) = self.look()?;
            let situation = Situation {
                planned: &self.planned,
                members: &members,
                leaving: &leaving,
            };
            match situation.next().map_err(Failure::refused)? {
                Step::Done => return Ok(()),
                Step::Wait(what) if waited >= self.patience() => {
                    return Err(stuck(&what, members.iter().chain(&leaving)));
                }
                Step::Wait(what) => {
                    waited += 1;
                    log::doing(&format!("waiting for {what}"));
                    let first = self.members.first();
                    first.map_or(Ok(()), |machine| machine.pause(1))?;
                }
                step => {
                    waited = 0;
                    self.take(&step, &members)?;
                }
            }
        }
        Err(Failure::failed("there is no end of steps"))
    }

    /// A follower has `init-limit` ticks to catch up, and tries again when that was not enough.
    fn patience(&self) -> u32 {
        let settings = self.cell.settings();
        let catching_up = u64::from(settings.tick_time) * u64::from(settings.init_limit) / 1000;
        PATIENCE.saturating_add(u32::try_from(catching_up * 3).unwrap_or(u32::MAX))
    }

    fn look(&self) -> Result<(Vec<Seen>, Vec<Seen>), Failure> {
        let members = self.members.iter().map(|one| look::at(self.cell, one));
        let leaving = self.leaving.iter();
        let leaving = leaving.map(|one| look::if_any(self.cell, one));
        Ok((members.collect::<Result<_, _>>()?, leaving.collect()))
    }

    fn machine(&self, id: u32) -> Result<&Machine, Failure> {
        let mut all = self.members.iter().chain(&self.leaving);
        all.find(|machine| machine.ordinal() == id)
            .ok_or_else(|| Failure::Other(format!("there is no member {id}")))
    }

    fn take(&self, step: &Step, members: &[Seen]) -> Result<(), Failure> {
        match step {
            Step::Found { is_new } => {
                log::doing("founding the ensemble");
                for (machine, seen) in self.members.iter().zip(members) {
                    let may_vote = *is_new && !seen.is_marked;
                    member::enlist(self.cell, machine, &self.planned, may_vote)?;
                }
                Ok(())
            }
            Step::Put { id, list } => {
                let machine = self.machine(*id)?;
                let ids: Vec<String> = list.voters().ids().map(|id| id.to_string()).collect();
                log::doing(&format!("{} goes by {}", machine.name(), ids.join(" ")));
                member::enlist(self.cell, machine, list, false)
            }
            Step::HandOver { id } => {
                let machine = self.machine(*id)?;
                log::doing(&format!("{} lets another lead", machine.name()));
                Command::new(["systemctl", "restart", member::SERVICE])
                    .deadline_seconds(60)
                    .run(machine, Doubt::Again)?
                    .expect_success("cannot restart the leader")
            }
            Step::Dismiss { id } => {
                let machine = self.machine(*id)?;
                log::doing(&format!("{} leaves", machine.name()));
                member::dismiss(machine)
            }
            Step::Wait(_) | Step::Done => Ok(()),
        }
    }
}

/// Says what an even number of members is not good for.
fn evenness(count: usize) -> Option<String> {
    match count {
        2 => {
            Some("two members outlive the loss of none: either stops without the other".to_owned())
        }
        count if count.is_multiple_of(2) => Some(format!(
            "{count} members outlive the loss of no more than {} would",
            count - 1
        )),
        _ => None,
    }
}

/// Says how all members are, and what helps.
fn stuck<'a>(what: &str, seen: impl Iterator<Item = &'a Seen>) -> Failure {
    let words: Vec<String> = seen
        .map(|one| format!("{} {}", one.name, one.state))
        .collect();
    Failure::failed(format!(
        "waited in vain for {what}: {}. `journalctl -u {}` on a machine says why",
        words.join(", "),
        member::SERVICE
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::look::State;

    #[test]
    fn an_even_number_of_members_is_warned_of() {
        assert_eq!([1, 3, 5, 7].map(evenness), [None, None, None, None]);
        assert_eq!(
            evenness(4).unwrap(),
            "4 members outlive the loss of no more than 3 would"
        );
        assert!(evenness(2).unwrap().starts_with("two members"));
    }

    #[test]
    fn waiting_in_vain_tells_how_everybody_is() {
        let seen = [("m1", State::Waiting), ("m2", State::Closed)].map(|(name, state)| Seen {
            id: 1,
            name: name.to_owned(),
            state,
            list: None,
            is_marked: true,
            is_blank: false,
        });
        assert_eq!(
            stuck("m1, m2 to serve", seen.iter()).message(),
            "waited in vain for m1, m2 to serve: m1 has no quorum, m2 does not listen. `journalctl \
             -u zookeeper-member` on a machine says why"
        );
    }
}
