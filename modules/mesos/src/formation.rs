//! Telling masters how many decide: looks, lets decide, performs, and looks again.

use std::collections::BTreeSet;

use cellhost_sdk::log;
use cellhost_sdk::prelude::*;

use crate::decision::{Situation, Step};
use crate::look::{self, Seen, State};
use crate::settings::Settings;
use crate::{health, master, version};

/// More steps than any change of masters takes.
const STEPS: usize = 1000;
/// The seconds that anything may take: a master gives up on ZooKeeper after ten, its registry has
/// a minute.
const PATIENCE: u32 = 120;

/// Brings the masters to where they should be, and waits for the agents.
pub(crate) fn form(cell: &Cell<Settings>) -> Result<(), Failure> {
    let settings = cell.settings();
    let (members, mut rest): (Vec<Machine>, Vec<Machine>) = cell
        .members()
        .into_iter()
        .partition(|one| settings.is_master(one));
    rest.extend(cell.leaving());
    let count = members.len();
    if count.is_multiple_of(2) {
        log::warn(&format!(
            "{count} masters outlive the loss of no more than {} would",
            count - 1
        ));
    }
    let formation = Formation {
        settings,
        members,
        rest,
    };
    let masters = formation.settle()?;
    let masters = formation.await_agents(masters, &cell.members())?;
    version::compare(settings, &formation.members, &masters)
}

struct Formation<'a> {
    settings: &'a Settings,
    members: Vec<Machine>,
    /// All that are no masters in the plan.
    rest: Vec<Machine>,
}

impl Formation<'_> {
    /// Returns the masters as they are in the end.
    fn settle(&self) -> Result<Vec<Seen>, Failure> {
        let mut waited = 0;
        for _ in 0..STEPS {
            let (members, others) = self.look()?;
            let situation = Situation {
                members: &members,
                others: &others,
                may_forget: self.settings.forget_registry,
            };
            match situation.next().map_err(Failure::refused)? {
                Step::Done => return Ok(members),
                Step::Wait(what) if waited >= PATIENCE => {
                    return Err(stuck(&what, members.iter().chain(&others)));
                }
                Step::Wait(what) => {
                    waited += 1;
                    log::doing(&format!("waiting for {what}"));
                    self.pause()?;
                }
                step => {
                    waited = 0;
                    self.take(&step, &situation)?;
                }
            }
        }
        Err(Failure::failed("there is no end of steps"))
    }

    /// Looks at the masters, and at those whom masters know as such.
    fn look(&self) -> Result<(Vec<Seen>, Vec<Seen>), Failure> {
        let members = self.members.iter().map(|one| look::at(self.settings, one));
        let members: Vec<Seen> = members.collect::<Result<_, _>>()?;
        let seats = members.iter().filter_map(|one| one.seat.as_ref());
        let known: BTreeSet<u32> = seats
            .flat_map(|seat| seat.masters.iter().copied())
            .collect();
        // Where none of the plan has been one, any of the others may have been.
        let others = self.rest.iter();
        let others = others.filter(|one| known.is_empty() || known.contains(&one.ordinal()));
        let others = others.map(|one| look::if_any(self.settings, one));
        let was = |one: &Seen| one.seat.is_some() || !known.is_empty();
        Ok((members, others.filter(was).collect()))
    }

    fn take(&self, step: &Step, situation: &Situation<'_>) -> Result<(), Failure> {
        let seat = situation.seat();
        match step {
            Step::Found => {
                log::doing("founding the masters");
                for machine in &self.members {
                    master::seat(self.settings, machine, &seat)?;
                }
            }
            Step::Forget => {
                log::doing("taking the registry away");
                for machine in &self.members {
                    master::forget(self.settings, machine)?;
                }
                let others = situation.others.iter().filter(|one| one.seat.is_some());
                for one in others {
                    self.machine(one.id)?.ensure(master::off())?;
                }
            }
            Step::Retire(id) => {
                let machine = self.machine(*id)?;
                log::doing(&format!("{} is no longer a master", machine.name()));
                machine.ensure(master::off())?;
            }
            Step::Put(id) => {
                let machine = self.machine(*id)?;
                log::doing(&format!(
                    "{} decides with {} of {}",
                    machine.name(),
                    seat.quorum,
                    seat.masters.len()
                ));
                master::seat(self.settings, machine, &seat)?;
            }
            Step::Wait(_) | Step::Done => {}
        }
        Ok(())
    }

    fn machine(&self, id: u32) -> Result<&Machine, Failure> {
        let mut all = self.members.iter().chain(&self.rest);
        all.find(|machine| machine.ordinal() == id)
            .ok_or_else(|| Failure::Other(format!("there is no member {id}")))
    }

    /// Waits until all agents are with the leader. One that is missing does not keep what comes
    /// later from the others. Returns the masters as they are by then.
    fn await_agents(&self, mut masters: Vec<Seen>, all: &[Machine]) -> Result<Vec<Seen>, Failure> {
        let agents: Vec<&Machine> = all
            .iter()
            .filter(|one| self.settings.is_agent(one))
            .collect();
        for _ in 0..PATIENCE {
            let leads = masters.iter().find(|one| one.leads());
            let count = match leads.map(|one| &one.state) {
                Some(State::Answers(report)) => report.agents,
                _ if masters.iter().any(|one| one.state == State::Assumed) => {
                    return Ok(masters);
                }
                _ => 0,
            };
            if count >= agents.len() {
                return Ok(masters);
            }
            log::doing(&format!("waiting for {count} of {} agents", agents.len()));
            self.pause()?;
            (masters, _) = self.look()?;
        }
        let words = agents
            .iter()
            .filter_map(|one| match health::agent(self.settings, one) {
                Ok(Condition::Healthy) => None,
                Ok(Condition::Degraded(why) | Condition::Down(why)) => Some(why),
                Err(why) => Some(why.about(&one.name()).message().to_owned()),
            });
        let words: Vec<String> = words.collect();
        if words.len() == agents.len() {
            let words = words.join("; ");
            return Err(Failure::failed(format!("no agent takes tasks: {words}")));
        }
        log::warn(&format!("not all agents take tasks: {}", words.join("; ")));
        Ok(masters)
    }

    /// Lets a second pass.
    fn pause(&self) -> Result<(), Failure> {
        let first = self.members.first();
        first.map_or(Ok(()), |machine| machine.pause(1))
    }
}

/// Says how all masters are, and what helps.
fn stuck<'a>(what: &str, seen: impl Iterator<Item = &'a Seen>) -> Failure {
    let words: Vec<String> = seen
        .map(|one| format!("{} {}", one.name, one.state))
        .collect();
    Failure::failed(format!(
        "waited in vain for {what}: {}. `journalctl -u {}` on a machine says why",
        words.join(", "),
        master::SERVICE
    ))
}
