//! What an instance would say that does not answer: what a dry run goes on with.

use crate::nodes::Node;
use crate::placement::Planned;
use crate::seen::Seen;

/// Returns its `CLUSTER NODES` once it is up: an instance keeps its part of the cluster on its disk,
/// so that it comes back as the others know it. One that nobody knows was just made.
pub(crate) fn of(place: usize, planned: &[Planned], heard: &[Option<&Seen>]) -> Option<String> {
    let own = planned.get(place)?;
    let known = planned.iter().zip(heard).find_map(|(other, told)| {
        let told = (*told)?;
        let itself = told.peers.iter().find(|peer| peer.address == own.address)?;
        let teller = told.as_node(&other.address);
        let others = told.peers.iter().filter(|peer| *peer != itself).cloned();
        let rest: Vec<Node> = others.chain([teller]).collect();
        Some((itself.clone(), rest))
    });
    let (itself, rest) = known.unwrap_or_else(|| (Seen::fresh(own).as_node(&own.address), vec![]));
    let master = itself.master.clone().or_else(|| {
        // Others have its slots by now: it follows who took over, as soon as it hears of that.
        let mut answers = planned.iter().zip(heard);
        answers.find_map(|(other, told)| {
            let heir = told.filter(|told| other.master == Some(place) && told.is_holder())?;
            itself.slots.is_empty().then(|| heir.id.clone())
        })
    });
    let itself = Node {
        is_myself: true,
        is_lost: false,
        master,
        ..itself
    };
    let lines = rest.iter().chain([&itself]).map(ToString::to_string);
    Some(lines.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::tests::{formed, placement, settle};
    use crate::nodes;
    use crate::slots::Slots;
    use crate::step::Step;

    /// What the instance at a place would say, where all others say this.
    fn remembered(place: usize, planned: &[Planned], seen: &[Seen]) -> Seen {
        let heard: Vec<Option<&Seen>> = (0..seen.len())
            .map(|at| seen.get(at).filter(|_| at != place))
            .collect();
        let text = of(place, planned, &heard).unwrap();
        Seen::new(nodes::parse(&text).unwrap(), "", "").unwrap()
    }

    #[test]
    fn one_that_nobody_knows_was_just_made() {
        let placement = placement(3);
        let planned = &placement.instances;
        let fresh: Vec<Seen> = planned.iter().map(Seen::fresh).collect();
        for (place, one) in fresh.iter().enumerate() {
            assert_eq!(&remembered(place, planned, &fresh), one);
        }
    }

    #[test]
    fn one_that_was_stopped_comes_back_as_itself_and_nothing_is_left_to_do() {
        let placement = placement(3);
        let mut whole = formed(&placement);
        // By now everybody has heard of who serves what.
        Step::Meet { at: 0, to: 1 }.imagine(&placement, &mut whole);
        for (place, one) in whole.iter().enumerate() {
            let mut seen = whole.clone();
            for peer in seen.iter_mut().flat_map(|other| &mut other.peers) {
                peer.is_lost = peer.id == one.id;
            }
            let back = remembered(place, &placement.instances, &seen);
            assert_eq!((&back.id, &back.master), (&one.id, &one.master));
            assert_eq!((&back.slots, back.known()), (&one.slots, one.known()));
            seen[place] = back;
            assert_eq!(settle(&placement, &mut seen), Ok(Vec::new()));
        }
    }

    #[test]
    fn a_master_whose_replica_took_over_comes_back_as_that_ones_replica() {
        let placement = placement(3);
        let mut seen = formed(&placement);
        let heir = placement.replica_of(0);
        seen[heir].master = None;
        seen[heir].slots = std::mem::take(&mut seen[0].slots);
        let (old, new) = (seen[0].id.clone(), seen[heir].as_node("10.0.0.2:7001"));
        for peer in seen.iter_mut().flat_map(|one| &mut one.peers) {
            if peer.id == old {
                peer.is_lost = true;
                peer.slots = Slots::default();
            } else if peer.id == new.id {
                peer.clone_from(&new);
            }
        }
        seen[0] = remembered(0, &placement.instances, &seen);
        assert!(seen[0].follows(&new.id));
        let taken = settle(&placement, &mut seen).unwrap();
        assert_eq!(taken, ["m1:7000 takes over from its master"]);
    }
}
