//! Founding, growing, bringing back: looks, lets decide, does it, and looks again.

use std::collections::BTreeMap;

use cellhost_sdk::log;
use cellhost_sdk::prelude::*;

use crate::account;
use crate::decision::{Situation, Step};
use crate::look::{self, Seen, State};
use crate::member::{self, GRASTATE};
use crate::room;
use crate::settings::Settings;

/// More steps than any cluster takes.
const STEPS: usize = 10_000;
/// The seconds in which members that run without a quorum may find each other.
const PATIENCE: u32 = 60;
/// The seconds in which members may get what they lack.
const LONG_PATIENCE: u32 = 3600;
/// The seconds that a member may take to mend its data after it was killed.
const MENDING: u32 = 3600;
/// Brings the cluster to where it should be.
pub(crate) fn form(cell: &Cell<Settings>) -> Result<(), Failure> {
    let members = cell.members();
    let count = members.len();
    if count.is_multiple_of(2) {
        log::warn(&format!(
            "{count} members outlive the loss of no more than {} would",
            count - 1
        ));
    }
    let formation = Formation {
        cell,
        cluster: member::cluster(cell),
        leaving: cell.leaving(),
        members,
        seen: Vec::new(),
        left: Vec::new(),
        is_dry: false,
        is_new: false,
        has_accounts: false,
        waited: 0,
    };
    formation.settle()
}

struct Formation<'a> {
    cell: &'a Cell<Settings>,
    cluster: String,
    members: Vec<Machine>,
    leaving: Vec<Machine>,
    /// How the members are.
    seen: Vec<Seen>,
    /// How those are that the plan no longer has.
    left: Vec<Seen>,
    /// Whether what is done does not come about, so that a look would not show it.
    is_dry: bool,
    /// Whether the cluster has not been before this turn.
    is_new: bool,
    has_accounts: bool,
    waited: u32,
}

impl Formation<'_> {
    fn settle(mut self) -> Result<(), Failure> {
        for _ in 0..STEPS {
            self.look();
            let step = self.situation().next().map_err(Failure::refused)?;
            if matches!(step, Step::Start(_) | Step::Done) {
                self.provide_accounts()?;
            }
            match step {
                Step::Done => {
                    self.warn_of_versions();
                    self.warn_of_strays();
                    return Ok(());
                }
                Step::Wait(what) => self.wait(&what)?,
                step => {
                    self.waited = 0;
                    self.take(&step)?;
                }
            }
        }
        Err(Failure::failed("there is no end of steps"))
    }

    fn situation(&self) -> Situation<'_> {
        Situation {
            cluster: &self.cluster,
            members: &self.seen,
            leaving: &self.left,
            was_patient: self.is_dry || self.waited >= PATIENCE,
        }
    }

    /// What was measured stays known as long as nobody runs.
    fn look(&mut self) {
        if self.is_dry {
            return;
        }
        let known = std::mem::take(&mut self.seen);
        self.seen = look::all(&self.members);
        self.left = look::all(&self.leaving);
        for one in &mut self.seen {
            let before = known.iter().find(|before| before.ordinal == one.ordinal);
            if let (State::Stopped(now), Some(State::Stopped(before))) =
                (&mut one.state, before.map(|before| &before.state))
                && now.position.is_none()
            {
                now.clone_from(before);
            }
        }
    }

    fn wait(&mut self, what: &str) -> Result<(), Failure> {
        let lives = self.seen.iter().chain(&self.left).any(Seen::lives);
        // Beside others, one that runs and is not in step gets data from them.
        let gets = |one: &Seen| one.state == State::Between || one.lives() && !one.is_in_step();
        let patience = if lives && self.seen.iter().any(gets) {
            LONG_PATIENCE
        } else {
            PATIENCE
        };
        if self.is_dry || self.waited > patience {
            return Err(self.stuck(what));
        }
        self.waited += 1;
        log::doing(&format!("waiting for {what}"));
        let first = self.members.first();
        first.map_or(Ok(()), |machine| machine.pause(1))
    }

    fn warn_of_versions(&self) {
        let versions = self.seen.iter().filter_map(|one| match &one.state {
            State::Answers(report) => Some((report.version.as_str(), one.name.as_str())),
            _ => None,
        });
        let versions: BTreeMap<&str, &str> = versions.collect();
        if versions.len() > 1 {
            let words = versions
                .iter()
                .map(|(version, name)| format!("{name} runs {version}"));
            log::warn(&format!(
                "members differ in their version, which is for upgrades only: {}",
                words.collect::<Vec<_>>().join(", ")
            ));
        }
    }

    /// What is written to such a table on one member is not on the others, and gone when it is given
    /// their data.
    fn warn_of_strays(&self) {
        let giver = self.seen.iter().find(|one| one.is_in_step());
        let giver = giver.and_then(|one| self.machine(one.ordinal).ok());
        let strays = giver.map(look::strays).unwrap_or_default();
        if !strays.is_empty() {
            log::warn(&format!(
                "only tables of InnoDB are the same on all members, and these are not: {}{}. Turn \
                 them into such by `ALTER TABLE … ENGINE = InnoDB`",
                strays
                    .iter()
                    .take(3)
                    .cloned()
                    .collect::<Vec<_>>()
                    .join(", "),
                if strays.len() > 3 { " and others" } else { "" }
            ));
        }
    }

    /// Says how everybody is, and where to read on.
    fn stuck(&self, what: &str) -> Failure {
        let all = self.seen.iter().chain(&self.left);
        let words: Vec<String> = all
            .map(|one| format!("{} {}", one.name, one.state))
            .collect();
        Failure::failed(format!(
            "waited in vain for {what}: {}. `journalctl -u {}` on a machine says why",
            words.join(", "),
            member::SERVICE
        ))
    }

    fn take(&mut self, step: &Step) -> Result<(), Failure> {
        match step {
            Step::Found(ordinal) => {
                self.is_new = true;
                log::doing(&format!("founding {}", self.cluster));
                let seen = member::begin(self.cell, self.machine(*ordinal)?)?;
                self.takes(seen);
            }
            Step::Revive(ordinal) => {
                let machine = self.machine(*ordinal)?;
                log::doing(&format!(
                    "bringing {} back from {}",
                    self.cluster,
                    machine.name()
                ));
                self.mark(*ordinal)?;
                let seen = member::begin(self.cell, machine)?;
                self.takes(seen);
            }
            Step::Start(ordinal) => {
                let machine = self.machine(*ordinal)?;
                log::doing(&format!("{} joins", machine.name()));
                let is_it = |one: &&Seen| one.ordinal == *ordinal;
                let giver = self.seen.iter().find(|one| one.is_in_step());
                if let (Some(one), Some(giver)) = (self.seen.iter().find(is_it), giver)
                    && one.lacks_data()
                {
                    room::check(machine, self.machine(giver.ordinal)?)?;
                }
                let seen = member::start(self.cell, machine)?;
                self.takes(seen);
            }
            Step::Stop(ordinal) => {
                let machine = self.machine(*ordinal)?;
                log::doing(&format!("stopping {}, which serves nobody", machine.name()));
                machine.ensure(Service::named(member::SERVICE).enabled().stopped())?;
            }
            Step::Measure(ordinal) => self.measure(*ordinal)?,
            Step::Wait(_) | Step::Done => {}
        }
        Ok(())
    }

    fn machine(&self, ordinal: u32) -> Result<&Machine, Failure> {
        let mut all = self.members.iter().chain(&self.leaving);
        all.find(|machine| machine.ordinal() == ordinal)
            .ok_or_else(|| Failure::Other(format!("there is no member {ordinal}")))
    }

    /// Takes up how a member is by now.
    fn takes(&mut self, seen: Seen) {
        self.is_dry |= seen.state == State::Assumed;
        let mut known = self.seen.iter_mut();
        if let Some(known) = known.find(|known| known.ordinal == seen.ordinal) {
            *known = seen;
        }
    }

    /// Lets nobody but this member be the one that others come to.
    fn mark(&self, furthest: u32) -> Result<(), Failure> {
        for machine in &self.members {
            if machine.stat(GRASTATE)?.is_none() {
                continue;
            }
            let is_first = u8::from(machine.ordinal() == furthest);
            let line = format!("safe_to_bootstrap: {is_first}");
            machine.ensure(Line::at(GRASTATE, line).replacing("^safe_to_bootstrap:"))?;
        }
        Ok(())
    }

    /// Lets the data of a member that was killed say how far it is. It is mended by that, as it
    /// would be by a start.
    fn measure(&mut self, ordinal: u32) -> Result<(), Failure> {
        let machine = self.machine(ordinal)?;
        let name = machine.name();
        log::doing(&format!("measuring how far {name} is"));
        let command = Command::new(["galera_recovery"]).deadline_seconds(MENDING);
        let found = match command.run(machine, Doubt::Again)? {
            Ran::Skipped => None,
            Ran::Done(answer) if answer.is_success() => Some(answer.text()),
            Ran::Done(answer) => {
                let words = format!("cannot measure how far {name} is: {}", answer.complaint());
                return Err(Failure::failed(words));
            }
        };
        self.is_dry |= found.is_none();
        let mut all = self.seen.iter_mut().chain(&mut self.left);
        let Some(State::Stopped(remains)) = all
            .find(|one| one.ordinal == ordinal)
            .map(|one| &mut one.state)
        else {
            return Ok(());
        };
        match found {
            Some(found) => remains.measured(&found),
            // As far as the others, as far as a dry run can tell.
            None => remains.position = Some(0),
        }
        if remains.position.is_none() {
            return Err(Failure::refused(format!(
                "the data of {name} does not say how far it is. If it may go, move {} away and `rm \
                 {}` there",
                member::DATA,
                member::NOTE
            )));
        }
        Ok(())
    }

    /// Makes the accounts that are missing, on a member in step.
    fn provide_accounts(&mut self) -> Result<(), Failure> {
        let giver = self.seen.iter().find(|one| one.is_in_step());
        let Some(giver) = giver.filter(|_| !self.has_accounts) else {
            return Ok(());
        };
        let machine = self.machine(giver.ordinal)?;
        for one in account::all(self.cell.settings()) {
            one.provide(machine, self.is_new)?;
        }
        self.has_accounts = true;
        Ok(())
    }
}
