//! What to do next: the placement on one side, what the instances say on the other.

mod danger;
mod stages;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeSet;

use crate::nodes::Node;
use crate::placement::Placement;
use crate::seen::Seen;
use crate::slots::Slots;
use crate::step::Step;

/// The cluster as it is, beside what it is meant to be.
pub(crate) struct Situation<'a> {
    /// What it is meant to be.
    pub(crate) placement: &'a Placement,
    /// What each instance says, in the placement's order.
    pub(crate) seen: &'a [Seen],
    /// The addresses of instances on machines that leave.
    pub(crate) leaving: &'a BTreeSet<String>,
}

impl Situation<'_> {
    /// Returns the next steps, which can be taken together; none when all is as planned. Fails,
    /// with words for the operator, where any step could cost data.
    pub(crate) fn next(&self) -> Result<Vec<Step>, String> {
        self.refuse_danger()?;
        let stages = [
            Self::inherit,
            Self::forget,
            Self::meet,
            Self::claim,
            Self::follow,
            Self::take_over,
            Self::finish,
            Self::rebalance,
            Self::dismiss,
        ];
        for stage in stages {
            let steps = stage(self);
            if !steps.is_empty() {
                return Ok(steps);
            }
        }
        self.refuse_standstill()?;
        Ok(Vec::new())
    }

    /// Returns the instance that speaks for the cluster: one that serves slots, if any does.
    fn first(&self) -> usize {
        self.seen.iter().position(Seen::is_holder).unwrap_or(0)
    }

    fn id(&self, at: usize) -> Option<String> {
        self.seen.get(at).map(|one| one.id.clone())
    }

    fn is_planned(&self, address: &str) -> bool {
        let mut planned = self.placement.instances.iter();
        planned.any(|one| one.address == address)
    }

    /// Tells whether a peer is none of the instances that were asked.
    fn is_stranger(&self, peer: &Node) -> bool {
        self.seen.iter().all(|one| one.id != peer.id)
    }

    fn strangers(&self) -> impl Iterator<Item = &Node> {
        let peers = self.seen.iter().flat_map(|one| &one.peers);
        peers.filter(|peer| self.is_stranger(peer))
    }

    /// Returns replicas of lost masters, each with the slots that its master served.
    ///
    /// A master whose data was wiped comes back as somebody else at the same address. Its old
    /// self then has no address, so nobody can declare it failed, and no replica stands up.
    fn heirs(&self) -> impl Iterator<Item = (usize, &Slots)> {
        self.seen.iter().enumerate().filter_map(|(at, one)| {
            let lost = |peer: &&Node| {
                one.follows(&peer.id)
                    && peer.is_lost
                    && !peer.slots.is_empty()
                    && self.is_stranger(peer)
            };
            let master = one.peers.iter().find(lost)?;
            Some((at, &master.slots))
        })
    }

    /// Returns the slots that nobody serves and nobody can inherit.
    fn free(&self) -> Slots {
        let own = self.seen.iter().filter(|one| one.is_holder());
        let others = self.strangers().filter(|peer| !peer.is_lost);
        let own = own.map(|one| &one.slots);
        let inherited = self.heirs().map(|(_, slots)| slots);
        let others = others.map(|peer| &peer.slots);
        Slots::uncovered(own.chain(others).chain(inherited))
    }

    /// Returns the planned replicas that serve slots as masters.
    fn stand_ins(&self) -> impl Iterator<Item = usize> {
        let is_stand_in = |at: &usize| {
            self.planned_master(*at).is_some() && self.seen.get(*at).is_some_and(Seen::is_holder)
        };
        (0..self.seen.len()).filter(is_stand_in)
    }

    fn planned_master(&self, at: usize) -> Option<usize> {
        self.placement.instances.get(at)?.master
    }

    /// Returns the planned master that follows a stand-in and will take over from it.
    fn successor(&self, stand_in: usize) -> Option<usize> {
        let id = self.id(stand_in)?;
        let follows = |at: &usize| self.seen.get(*at).is_some_and(|one| one.follows(&id));
        self.placement.masters().find(follows)
    }

    /// Tells whether a planned master serves nothing and is no stand-in's successor.
    fn is_idle(&self, at: usize) -> bool {
        let mut stand_ins = self.stand_ins();
        self.seen.get(at).is_some_and(|one| !one.is_holder())
            && stand_ins.all(|stand_in| self.successor(stand_in) != Some(at))
    }
}
