//! Founding, joining and mending: looks, lets decide, performs, and looks again.

use std::collections::BTreeSet;

use cellhost_sdk::log;
use cellhost_sdk::prelude::*;

use crate::Placement;
use crate::decision::Situation;
use crate::instance::{arrange, tell};
use crate::look;
use crate::placement::Member;
use crate::seen::Seen;
use crate::settings::Settings;
use crate::step::Step;

// Each round settles one kind of thing on all instances, or one master.
const ROUNDS: usize = 200;
const GOSSIP: u32 = 30;
const SYNCHRONISATION: u32 = 900;

/// Brings the cluster to where it should be.
pub(crate) fn form(cell: &Cell<Settings>) -> Result<(), Failure> {
    let machines = cell.members();
    let settings = cell.settings();
    let placement = Placement::over(&members(&machines), settings.port, settings.replica_port);
    let leaving = cell
        .leaving()
        .iter()
        .flat_map(|machine| {
            let address = machine.address();
            settings.ports().map(|port| format!("{address}:{port}"))
        })
        .collect();
    Formation {
        settings,
        machines: &machines,
        placement: &placement,
        leaving,
        is_dry: false,
    }
    .settle()
}

fn members(machines: &[Machine]) -> Vec<Member> {
    let member = |machine: &Machine| Member {
        name: machine.name(),
        address: machine.address(),
    };
    machines.iter().map(member).collect()
}

struct Formation<'a> {
    settings: &'a Settings,
    machines: &'a [Machine],
    placement: &'a Placement,
    leaving: BTreeSet<String>,
    /// Whether a command was held back: from then on, only the model tells how things are.
    is_dry: bool,
}

impl Formation<'_> {
    fn settle(mut self) -> Result<(), Failure> {
        let mut seen = self.look()?;
        for _ in 0..ROUNDS {
            let situation = Situation {
                placement: self.placement,
                seen: &seen,
                leaving: &self.leaving,
            };
            let steps = situation.next().map_err(Failure::refused)?;
            if steps.is_empty() {
                return self.await_content(&seen);
            }
            for step in &steps {
                self.take(step, &seen)?;
                step.imagine(self.placement, &mut seen);
            }
            if !self.is_dry {
                self.await_effect(&steps, &seen)?;
                seen = self.look()?;
            }
        }
        Err(Failure::failed("the cluster does not come to rest"))
    }

    fn look(&self) -> Result<Vec<Seen>, Failure> {
        let whom: Vec<(&Machine, u16)> = self
            .placement
            .instances
            .iter()
            .filter_map(|one| Some((self.machines.get(one.member)?, one.port)))
            .collect();
        look::at_all(self.settings, &whom, &self.placement.instances)
    }

    fn take(&mut self, step: &Step, seen: &[Seen]) -> Result<(), Failure> {
        let attempt = step.describe(self.placement).to_string();
        log::doing(&attempt);
        if let Step::TakeOver { at } = step {
            self.wait(
                *at,
                &["INFO", "replication"],
                "master_link_status:up",
                SYNCHRONISATION,
            )?;
        }
        let (machine, command) = self.command(step, seen)?;
        match command.run(machine, Doubt::Again)? {
            Ran::Skipped => self.is_dry = true,
            ran @ Ran::Done(_) => ran.expect_success(&attempt)?,
        }
        Ok(())
    }

    fn command(&self, step: &Step, seen: &[Seen]) -> Result<(&Machine, Command), Failure> {
        let absent = || Failure::Other("a step names an instance that is not there".to_owned());
        let id = |at: usize| seen.get(at).map(|one| one.id.as_str()).ok_or_else(absent);
        let one = self.placement.instances.get(step.at()).ok_or_else(absent)?;
        let machine = self.machines.get(one.member).ok_or_else(absent)?;
        let here = format!("127.0.0.1:{}", one.port);
        let tell = |words: &[&str]| tell(self.settings, one.port, words);
        let command = match step {
            Step::Forget { id, .. } => tell(&["CLUSTER", "FORGET", id]),
            Step::Meet { to, .. } => {
                let other = self.placement.instances.get(*to).ok_or_else(absent)?;
                let (address, port) = other.address.rsplit_once(':').ok_or_else(absent)?;
                tell(&["CLUSTER", "MEET", address, port])
            }
            Step::Claim { slots, .. } => {
                let bounds: Vec<String> = slots
                    .ranges()
                    .iter()
                    .flat_map(|(first, last)| [first.to_string(), last.to_string()])
                    .collect();
                let bounds = bounds.iter().map(String::as_str);
                let words: Vec<&str> = ["CLUSTER", "ADDSLOTSRANGE"]
                    .into_iter()
                    .chain(bounds)
                    .collect();
                tell(&words)
            }
            Step::Follow { master, .. } => tell(&["CLUSTER", "REPLICATE", id(*master)?]),
            Step::TakeOver { .. } => tell(&["CLUSTER", "FAILOVER"]),
            Step::Rebalance { .. } => arrange(
                self.settings,
                &[
                    "rebalance",
                    &here,
                    "--cluster-use-empty-masters",
                    "--cluster-yes",
                ],
            ),
            Step::Drain { id, .. } => {
                let weight = format!("{id}=0");
                arrange(
                    self.settings,
                    &[
                        "rebalance",
                        &here,
                        "--cluster-weight",
                        &weight,
                        "--cluster-yes",
                    ],
                )
            }
            Step::Expel { id, .. } => arrange(self.settings, &["del-node", &here, id]),
        };
        Ok((machine, command))
    }

    /// Waits until the instances concerned say what the steps were to bring about.
    fn await_effect(&self, steps: &[Step], expected: &[Seen]) -> Result<(), Failure> {
        if steps.iter().any(|step| matches!(step, Step::Meet { .. })) {
            let known: BTreeSet<&str> = expected.iter().flat_map(Seen::known).collect();
            let sign = format!("cluster_known_nodes:{}", known.len());
            for at in 0..expected.len() {
                self.wait(at, &["CLUSTER", "INFO"], &sign, GOSSIP)?;
            }
        }
        for step in steps {
            match step {
                Step::Follow { at, .. } => {
                    self.wait(
                        *at,
                        &["INFO", "replication"],
                        "master_link_status:up",
                        SYNCHRONISATION,
                    )?;
                }
                Step::TakeOver { at } => {
                    self.wait(*at, &["INFO", "replication"], "role:master", GOSSIP)?;
                    let id = expected.get(*at).map(|one| one.id.as_str());
                    let followers = (0..expected.len()).filter(|one| {
                        expected.get(*one).and_then(|one| one.master.as_deref()) == id
                    });
                    for follower in followers {
                        self.wait(
                            follower,
                            &["INFO", "replication"],
                            "master_link_status:up",
                            SYNCHRONISATION,
                        )?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Waits until every instance says that the cluster is well; asks nobody who said so.
    fn await_content(&self, seen: &[Seen]) -> Result<(), Failure> {
        if self.is_dry {
            return Ok(());
        }
        for (at, one) in seen.iter().enumerate() {
            if !one.is_content {
                self.wait(at, &["CLUSTER", "INFO"], "cluster_state:ok", GOSSIP)?;
            }
            if one.master.is_some() && !one.is_linked {
                self.wait(
                    at,
                    &["INFO", "replication"],
                    "master_link_status:up",
                    SYNCHRONISATION,
                )?;
            }
        }
        Ok(())
    }

    fn wait(&self, at: usize, words: &[&str], sign: &str, patience: u32) -> Result<(), Failure> {
        let instance = self.placement.instances.get(at);
        let Some((machine, one)) =
            instance.and_then(|one| Some((self.machines.get(one.member)?, one)))
        else {
            return Ok(());
        };
        if self.is_dry {
            return Ok(());
        }
        log::doing(&format!("waiting for `{sign}` of {}", one.name));
        tell(self.settings, one.port, words)
            .wait(machine, &Sign::output(sign), patience)
            .map_err(|failure| failure.about(&one.name))?;
        Ok(())
    }
}
