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
    let members = cell.members();
    let numbered = members.iter().map(|one| (one.ordinal(), one.address()));
    let formation = Formation {
        cell,
        planned: List::of(cell.settings(), numbered),
        leaving: cell.leaving(),
        members,
    };
    formation.warn();
    formation.settle()
}

struct Formation<'a> {
    cell: &'a Cell<Settings>,
    planned: List,
    members: Vec<Machine>,
    leaving: Vec<Machine>,
}

impl Formation<'_> {
    fn warn(&self) {
        match self.members.len() {
            2 => {
                log::warn("two members outlive the loss of none: either stops without the other");
            }
            count if count % 2 == 0 => log::warn(&format!(
                "{count} members outlive the loss of no more than {} would",
                count - 1
            )),
            _ => {}
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
                    self.pause()?;
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
        let leaving = leaving.map(|one| look::at_leaving(self.cell, one));
        Ok((members.collect::<Result<_, _>>()?, leaving.collect()))
    }

    fn pause(&self) -> Result<(), Failure> {
        let Some(first) = self.members.first() else {
            return Ok(());
        };
        Command::new(["sleep", "1"]).probe(first).map(drop)
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
