use cellhost_sdk::prelude::*;

use super::Formation;
use crate::instance::{arrange, tell};
use crate::seen::Seen;
use crate::step::Step;

impl Formation<'_> {
    /// Returns the command that takes a step, and the machine that it runs on.
    pub(super) fn command(
        &self,
        step: &Step,
        seen: &[Seen],
    ) -> Result<(&Machine, Command), Failure> {
        let absent = || Failure::Other("a step names an instance that is not there".to_owned());
        let id = |at: usize| seen.get(at).map(|one| one.id.as_str()).ok_or_else(absent);
        let one = self.placement.instances.get(step.at()).ok_or_else(absent)?;
        let machine = self.machines.get(one.member).ok_or_else(absent)?;
        // Not 127.0.0.1: it is handed on to the others as the place to send keys to.
        let here = one.address.as_str();
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
            Step::Inherit { .. } => tell(&["CLUSTER", "FAILOVER", "FORCE"]),
            // Without a word that it may, it gives no slots away that nobody serves.
            Step::Settle { .. } => arrange(self.settings, &["fix", here]),
            Step::Rebalance { .. } => arrange(
                self.settings,
                &[
                    "rebalance",
                    here,
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
                        here,
                        "--cluster-weight",
                        &weight,
                        "--cluster-yes",
                    ],
                )
            }
            Step::Expel { id, .. } => arrange(self.settings, &["del-node", here, id]),
        };
        Ok((machine, command))
    }
}
