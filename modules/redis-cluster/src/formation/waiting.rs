use std::collections::BTreeSet;

use cellhost_sdk::log;
use cellhost_sdk::prelude::*;

use super::Formation;
use crate::instance::tell;
use crate::seen::Seen;
use crate::step::Step;

const GOSSIP: u32 = 30;
/// Whom an instance was told to forget it does not hear of for a minute, such as one that was let go
/// and is taken in again.
const ACQUAINTANCE: u32 = 60 + GOSSIP;
const VOTE: u32 = 10;
const SYNCHRONISATION: u32 = 900;
const INFORMATION: [&str; 2] = ["INFO", "replication"];

impl Formation<'_> {
    /// Waits until a replica is in step with its master and all who vote know it as replica.
    pub(super) fn await_readiness(&self, at: usize, seen: &[Seen]) -> Result<(), Failure> {
        self.wait_for_link(at)?;
        let Some((id, master)) = seen
            .get(at)
            .and_then(|one| Some((one.id.as_str(), one.master.as_deref()?)))
        else {
            return Ok(());
        };
        for (voter, _) in seen.iter().enumerate().filter(|(_, one)| one.is_holder()) {
            self.wait(voter, &["CLUSTER", "REPLICAS", master], id, GOSSIP)?;
        }
        Ok(())
    }

    /// Waits until the instances concerned say what the steps were to bring about.
    pub(super) fn await_effect(&self, steps: &[Step], expected: &[Seen]) -> Result<(), Failure> {
        if steps.iter().any(|step| matches!(step, Step::Meet { .. })) {
            let known: BTreeSet<&str> = expected.iter().flat_map(Seen::known).collect();
            let sign = format!("cluster_known_nodes:{}", known.len());
            for at in 0..expected.len() {
                self.wait(at, &["CLUSTER", "INFO"], &sign, ACQUAINTANCE)?;
            }
        }
        for step in steps {
            match step {
                Step::Follow { at, .. } => self.wait_for_link(*at)?,
                Step::TakeOver { at } | Step::Inherit { at } => self.await_vote(*at, expected)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn await_vote(&self, at: usize, expected: &[Seen]) -> Result<(), Failure> {
        if self.wait(at, &INFORMATION, "role:master", VOTE).is_err() {
            // A lost vote is no end: the next look finds the same step again.
            return Ok(());
        }
        let id = expected.get(at).map(|one| one.id.as_str());
        let follows = |one: &Seen| id.is_some_and(|id| one.follows(id));
        for (follower, _) in expected.iter().enumerate().filter(|(_, one)| follows(one)) {
            self.wait_for_link(follower)?;
        }
        Ok(())
    }

    /// Waits until every instance knows every replica as one: what was changed spreads by gossip,
    /// and whoever asks any instance should be told how things are now.
    pub(super) fn await_agreement(&self, seen: &[Seen]) -> Result<(), Failure> {
        let replicas = || {
            seen.iter()
                .filter_map(|one| Some((&one.id, one.master.as_ref()?)))
        };
        for at in 0..seen.len() {
            for (id, master) in replicas() {
                self.wait(at, &["CLUSTER", "REPLICAS", master], id, GOSSIP)?;
            }
        }
        Ok(())
    }

    /// Waits until every instance says that the cluster is well; asks nobody who said so.
    pub(super) fn await_content(&self, seen: &[Seen]) -> Result<(), Failure> {
        for (at, one) in seen.iter().enumerate() {
            if !one.is_content {
                self.wait(at, &["CLUSTER", "INFO"], "cluster_state:ok", GOSSIP)?;
            }
            if one.master.is_some() && !one.is_linked {
                self.wait_for_link(at)?;
            }
        }
        Ok(())
    }

    fn wait_for_link(&self, at: usize) -> Result<(), Failure> {
        self.wait(at, &INFORMATION, "master_link_status:up", SYNCHRONISATION)
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
