use std::fmt;

use crate::nodes::Node;
use crate::placement::Placement;
use crate::seen::Seen;
use crate::slots::Slots;

/// One change to the cluster. Instances are named by their place in the placement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Strikes a lost stranger from what an instance knows.
    Forget { at: usize, id: String },
    /// Makes two instances known to each other.
    Meet { at: usize, to: usize },
    /// Gives slots that nobody serves to a master.
    Claim { at: usize, slots: Slots },
    /// Makes an instance the replica of another.
    Follow { at: usize, master: usize },
    /// Makes a replica the master in its master's place.
    TakeOver { at: usize },
    /// Makes a replica the master in the place of a master that will not come back.
    Inherit { at: usize },
    /// Brings to an end what moved slots and was broken off.
    Settle { at: usize },
    /// Spreads slots evenly over all masters.
    Rebalance { at: usize },
    /// Takes all slots from a node that leaves.
    Drain { at: usize, id: String },
    /// Takes a node without slots out of the cluster.
    Expel { at: usize, id: String },
}

impl Step {
    /// Returns the instance that is told.
    pub(crate) fn at(&self) -> usize {
        match *self {
            Self::Forget { at, .. }
            | Self::Meet { at, .. }
            | Self::Claim { at, .. }
            | Self::Follow { at, .. }
            | Self::TakeOver { at }
            | Self::Inherit { at }
            | Self::Settle { at }
            | Self::Rebalance { at }
            | Self::Drain { at, .. }
            | Self::Expel { at, .. } => at,
        }
    }

    /// Says what the step does, for people.
    pub(crate) fn describe<'a>(&'a self, placement: &'a Placement) -> impl fmt::Display + 'a {
        Described(self, placement)
    }

    /// Does to the model what the command does to the cluster: what a dry run goes on with.
    pub(crate) fn imagine(&self, placement: &Placement, seen: &mut [Seen]) {
        match self {
            Self::Forget { id, .. } | Self::Expel { id, .. } => {
                for one in seen {
                    one.peers.retain(|peer| &peer.id != id);
                }
            }
            Self::Meet { .. } => acquaint(placement, seen),
            Self::Claim { at, slots } => {
                if let Some(one) = seen.get_mut(*at) {
                    one.slots.add(slots);
                }
            }
            Self::Follow { at, master } => {
                let id = seen.get(*master).map(|master| master.id.clone());
                if let Some(one) = seen.get_mut(*at) {
                    one.master = id;
                    one.is_linked = true;
                }
            }
            Self::TakeOver { at } => take_over(*at, seen),
            Self::Inherit { at } => inherit(*at, seen),
            Self::Settle { .. } => {
                for one in seen {
                    one.is_moving = false;
                }
            }
            Self::Rebalance { .. } => spread(placement, seen),
            Self::Drain { id, .. } => drain(id, placement, seen),
        }
    }
}

/// Lets everybody know everybody: gossip does not stop at the two that were introduced.
fn acquaint(placement: &Placement, seen: &mut [Seen]) {
    let known: Vec<Node> = seen
        .iter()
        .zip(&placement.instances)
        .map(|(one, planned)| one.as_node(&planned.address))
        .collect();
    for one in seen {
        let strangers: Vec<Node> = one
            .peers
            .drain(..)
            .filter(|peer| known.iter().all(|node| node.id != peer.id))
            .collect();
        let others = known.iter().filter(|node| node.id != one.id).cloned();
        one.peers = strangers.into_iter().chain(others).collect();
    }
}

fn take_over(at: usize, seen: &mut [Seen]) {
    let Some((id, old)) = seen
        .get(at)
        .and_then(|one| Some((one.id.clone(), one.master.clone()?)))
    else {
        return;
    };
    let mut slots = Slots::default();
    for one in seen.iter_mut() {
        if one.id == old {
            slots = std::mem::take(&mut one.slots);
            one.master = Some(id.clone());
            one.is_linked = true;
        } else if one.follows(&old) {
            one.master = Some(id.clone());
        }
    }
    if let Some(one) = seen.get_mut(at) {
        one.master = None;
        one.slots = slots;
    }
}

fn inherit(at: usize, seen: &mut [Seen]) {
    let old = seen.get(at).and_then(|one| one.master.clone());
    let mut slots = Slots::default();
    for peer in seen.iter_mut().flat_map(|one| &mut one.peers) {
        if Some(&peer.id) == old.as_ref() && !peer.slots.is_empty() {
            slots = std::mem::take(&mut peer.slots);
        }
    }
    if let Some(one) = seen.get_mut(at) {
        one.master = None;
        one.slots = slots;
    }
}

/// Takes the slots of one who leaves. Who gets which of them is for Redis to say, all alike.
fn drain(id: &str, placement: &Placement, seen: &mut [Seen]) {
    for one in seen.iter_mut() {
        if one.id == id {
            one.slots = Slots::default();
        }
        for peer in one.peers.iter_mut().filter(|peer| peer.id == id) {
            peer.slots = Slots::default();
        }
    }
    spread(placement, seen);
}

fn spread(placement: &Placement, seen: &mut [Seen]) {
    for master in placement.masters() {
        if let Some(one) = seen.get_mut(master) {
            one.slots = placement.share(master);
        }
    }
}

struct Described<'a>(&'a Step, &'a Placement);

impl fmt::Display for Described<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(step, placement) = self;
        let at = placement.name(step.at());
        match step {
            Step::Forget { id, .. } => write!(formatter, "{at} forgets {id}"),
            Step::Meet { to, .. } => write!(formatter, "{at} meets {}", placement.name(*to)),
            Step::Claim { slots, .. } => write!(formatter, "{at} claims slots {slots}"),
            Step::Follow { master, .. } => {
                write!(formatter, "{at} follows {}", placement.name(*master))
            }
            Step::TakeOver { .. } => write!(formatter, "{at} takes over from its master"),
            Step::Inherit { .. } => write!(formatter, "{at} inherits from its lost master"),
            Step::Settle { .. } => write!(formatter, "slots on their way come to their end"),
            Step::Rebalance { .. } => write!(formatter, "slots are spread over all masters"),
            Step::Drain { id, .. } => write!(formatter, "{id} hands over its slots"),
            Step::Expel { id, .. } => write!(formatter, "{id} is taken out of the cluster"),
        }
    }
}
