//! Founding, joining and mending: looks, lets decide, performs, and looks again.

mod commands;
mod waiting;

use std::collections::BTreeSet;

use cellhost_sdk::log;
use cellhost_sdk::prelude::*;

use crate::Placement;
use crate::decision::Situation;
use crate::look;
use crate::placement::Member;
use crate::replication;
use crate::seen::Seen;
use crate::settings::Settings;
use crate::step::Step;

// Each round settles one kind of thing on all instances, or one master.
const ROUNDS: usize = 200;
// How often the same steps are taken once more: a vote can fail.
const PATIENCE: usize = 3;

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
        let (mut last, mut again) = (Vec::new(), 0);
        for _ in 0..ROUNDS {
            let situation = Situation {
                placement: self.placement,
                seen: &seen,
                leaving: &self.leaving,
            };
            let steps = situation.next().map_err(Failure::refused)?;
            if steps.is_empty() {
                return self.end(seen, !last.is_empty());
            }
            if last == steps {
                again += 1;
            } else {
                again = 0;
            }
            if again > PATIENCE {
                return Err(self.stuck(&steps));
            }
            for step in &steps {
                self.take(step, &seen)?;
                step.imagine(self.placement, &mut seen);
            }
            if !self.is_dry {
                self.await_effect(&steps, &seen)?;
                seen = self.look()?;
            }
            last = steps;
        }
        Err(self.stuck(&last))
    }

    /// Waits until all is well, and tells of it.
    fn end(&self, mut seen: Vec<Seen>, has_changed: bool) -> Result<(), Failure> {
        self.await_content(&seen)?;
        if has_changed {
            self.await_agreement(&seen)?;
        }
        if self.is_dry {
            return Ok(());
        }
        if has_changed || !seen.iter().all(Seen::is_well) {
            seen = self.look()?;
        }
        replication::report(self.placement, &seen);
        Ok(())
    }

    fn stuck(&self, steps: &[Step]) -> Failure {
        let is_inheritance = matches!(steps, [Step::Inherit { .. }]);
        let steps: Vec<String> = steps
            .iter()
            .map(|step| step.describe(self.placement).to_string())
            .collect();
        let mut words = format!("no effect: {}", steps.join(", "));
        if is_inheritance {
            // Going on without the others' votes is for whoever knows that they will not come back.
            words.push_str(
                ". It needs the votes of most masters. If they are gone for good, let it go on \
                 without by `redis-cli CLUSTER FAILOVER TAKEOVER` there, and run again",
            );
        }
        Failure::failed(words)
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
            self.await_readiness(*at, seen)?;
        }
        let (machine, command) = self.command(step, seen)?;
        match command.run(machine, Doubt::Again)? {
            Ran::Skipped => self.is_dry = true,
            ran @ Ran::Done(_) => ran.expect_success(&attempt)?,
        }
        Ok(())
    }
}
