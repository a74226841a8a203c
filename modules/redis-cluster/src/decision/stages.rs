use super::Situation;
use crate::nodes::Node;
use crate::seen::Seen;
use crate::step::Step;

/// The stages of a settlement, in the order in which they are asked. Each returns steps that
/// can be taken together, and relies on those before it having none left.
impl Situation<'_> {
    /// One at a time: each needs the others' votes.
    pub(super) fn inherit(&self) -> Vec<Step> {
        let heirs = self.heirs().take(1);
        heirs.map(|(at, _)| Step::Inherit { at }).collect()
    }

    pub(super) fn forget(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for (at, one) in self.seen.iter().enumerate() {
            for peer in &one.peers {
                let is_gone = peer.is_lost || self.is_planned(&peer.address);
                if self.is_stranger(peer) && is_gone && peer.slots.is_empty() {
                    let id = peer.id.clone();
                    steps.push(Step::Forget { at, id });
                }
            }
        }
        steps
    }

    pub(super) fn meet(&self) -> Vec<Step> {
        let at = self.first();
        let Some(first) = self.seen.get(at) else {
            return Vec::new();
        };
        let unknown = |&(to, (one, address)): &(usize, (&Seen, &String))| {
            to != at && !first.reaches(&one.id, address)
        };
        let addresses = self.placement.instances.iter().map(|one| &one.address);
        let pairs = self.seen.iter().zip(addresses).enumerate().filter(unknown);
        pairs.map(|(to, _)| Step::Meet { at, to }).collect()
    }

    pub(super) fn claim(&self) -> Vec<Step> {
        let free = self.free();
        let mut steps = Vec::new();
        for at in self.placement.masters() {
            let slots = self.placement.share(at).common(&free);
            let is_master = self.seen.get(at).is_some_and(|one| one.master.is_none());
            if is_master && !slots.is_empty() {
                steps.push(Step::Claim { at, slots });
            }
        }
        steps
    }

    pub(super) fn follow(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        // A planned replica that holds slots stands in for a master: the master follows it first.
        let mut idle: Vec<usize> = self
            .placement
            .masters()
            .filter(|at| self.is_idle(*at))
            .collect();
        for stand_in in self.stand_ins() {
            let own = self.planned_master(stand_in);
            let place = idle
                .iter()
                .position(|at| Some(*at) == own)
                .or_else(|| (!idle.is_empty()).then_some(0));
            if self.successor(stand_in).is_none()
                && let Some(place) = place
            {
                let at = idle.remove(place);
                steps.push(Step::Follow {
                    at,
                    master: stand_in,
                });
            }
        }
        for master in self.placement.masters() {
            let at = self.placement.replica_of(master);
            if let (Some(one), Some(wanted)) = (self.seen.get(at), self.seen.get(master))
                && !one.is_holder()
                && wanted.master.is_none()
                && !one.follows(&wanted.id)
                && steps.iter().all(|step| step.at() != master)
            {
                steps.push(Step::Follow { at, master });
            }
        }
        steps
    }

    /// One at a time: each needs the others' votes.
    pub(super) fn take_over(&self) -> Vec<Step> {
        for stand_in in self.stand_ins() {
            if let Some(at) = self.successor(stand_in) {
                return vec![Step::TakeOver { at }];
            }
        }
        Vec::new()
    }

    /// A run that died while slots moved leaves some that two have a part of.
    pub(super) fn finish(&self) -> Vec<Step> {
        if self.seen.iter().any(|one| one.is_moving) {
            vec![Step::Settle { at: self.first() }]
        } else {
            Vec::new()
        }
    }

    /// Gives masters their part that have none yet, or by far too little: whoever spread the slots
    /// was broken off. What operators have moved themselves is left so far.
    pub(super) fn rebalance(&self) -> Vec<Step> {
        // Whoever leaves hands over what it has at the end, and to all alike.
        let is_whole =
            self.stand_ins().next().is_none() && self.strangers().all(|peer| peer.slots.is_empty());
        let lacks = |at: usize| {
            let share = self.placement.share(at).count();
            let has_too_few = |one: &Seen| {
                one.slots.is_empty() || (is_whole && one.slots.count() * 4 < share * 3)
            };
            let one = self.seen.get(at);
            one.is_some_and(|one| one.master.is_none() && has_too_few(one))
        };
        let mut masters = self.placement.masters();
        if masters.any(lacks) {
            vec![Step::Rebalance { at: self.first() }]
        } else {
            Vec::new()
        }
    }

    /// Lets go of what leaves and still lives, and of slots on planned replicas that no master
    /// is left to take over.
    pub(super) fn dismiss(&self) -> Vec<Step> {
        let at = self.first();
        if let Some(id) = self.stand_ins().next().and_then(|place| self.id(place)) {
            return vec![Step::Drain { at, id }];
        }
        let peers = self.seen.get(at).map(|one| one.peers.as_slice());
        let leaving = peers
            .unwrap_or_default()
            .iter()
            .filter(|peer| self.is_stranger(peer) && self.leaving.contains(&peer.address));
        // The ones without slots first: replicas before the masters that they follow.
        let (empty, holding): (Vec<&Node>, Vec<&Node>) =
            leaving.partition(|peer| peer.slots.is_empty());
        let expel = empty.iter().map(|peer| Step::Expel {
            at,
            id: peer.id.clone(),
        });
        let drain = holding.iter().map(|peer| Step::Drain {
            at,
            id: peer.id.clone(),
        });
        drain.chain(expel).take(1).collect()
    }
}
