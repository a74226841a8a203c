use crate::slots::Slots;

/// What a machine is to the placement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// Its name in the plan.
    pub(crate) name: String,
    /// The address that its peers use.
    pub(crate) address: String,
}

/// One Redis process, and what it is meant to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    /// Its machine's place among the members.
    pub(crate) member: usize,
    /// Its machine's name and its port, for people.
    pub(crate) name: String,
    /// Its address and port, as peers know it.
    pub(crate) address: String,
    /// Its port.
    pub(crate) port: u16,
    /// The instance that it replicates; none for a master.
    pub(crate) master: Option<usize>,
}

/// Which instance is meant to be what.
///
/// The masters come first, one for each member in the members' order; then the replicas, in
/// the order of their masters. The replica of a member's master lives on the next member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placement {
    /// All instances.
    pub(crate) instances: Vec<Planned>,
    masters: usize,
}

impl Placement {
    /// Spreads masters and replicas over members that are in the order of their ordinals.
    pub(crate) fn over(members: &[Member], port: u16, replica_port: u16) -> Self {
        let count = members.len();
        let master = |member: usize| (member, port, None);
        let replica = |member: usize| ((member + 1) % count, replica_port, Some(member));
        let instances = (0..count)
            .map(master)
            .chain((0..count).map(replica))
            .filter_map(|(place, port, master)| {
                let member = members.get(place)?;
                Some(Planned {
                    member: place,
                    name: format!("{}:{port}", member.name),
                    address: format!("{}:{port}", member.address),
                    port,
                    master,
                })
            })
            .collect();
        Self {
            instances,
            masters: count,
        }
    }

    /// Returns the instances that are meant to be masters.
    pub(crate) fn masters(&self) -> std::ops::Range<usize> {
        0..self.masters
    }

    /// Returns the instance that is meant to replicate a master.
    pub(crate) fn replica_of(&self, master: usize) -> usize {
        master + self.masters
    }

    /// Returns the slots that a master gets when the cluster is founded.
    pub(crate) fn share(&self, master: usize) -> Slots {
        Slots::share(master, self.masters)
    }

    /// Returns an instance's name for people.
    pub(crate) fn name(&self, instance: usize) -> &str {
        self.instances
            .get(instance)
            .map_or("?", |planned| planned.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn members(count: usize) -> Vec<Member> {
        (1..=count)
            .map(|number| Member {
                name: format!("m{number}"),
                address: format!("10.0.0.{number}"),
            })
            .collect()
    }

    #[test]
    fn three_machines_make_a_ring() {
        let placement = Placement::over(&members(3), 7000, 7001);
        let pairs: Vec<String> = placement
            .instances
            .iter()
            .filter_map(|replica| {
                let master = placement.name(replica.master?);
                Some(format!("{} follows {master}", replica.name))
            })
            .collect();
        let ring = [
            "m2:7001 follows m1:7000",
            "m3:7001 follows m2:7000",
            "m1:7001 follows m3:7000",
        ];
        assert_eq!(pairs, ring);
    }

    proptest! {
        #[test]
        fn no_machine_holds_a_master_and_its_own_replica(count in 2_usize..200) {
            let placement = Placement::over(&members(count), 7000, 7001);
            for replica in placement.instances.iter().skip(count) {
                let master = &placement.instances[replica.master.unwrap()];
                prop_assert_ne!(master.member, replica.member);
                prop_assert_eq!(master.master, None);
            }
        }

        #[test]
        fn every_machine_holds_one_master_and_one_replica(count in 1_usize..200) {
            let placement = Placement::over(&members(count), 7000, 7001);
            for member in 0..count {
                let own = placement.instances.iter().filter(|one| one.member == member);
                let masters = own.clone().filter(|one| one.master.is_none()).count();
                prop_assert_eq!((own.count(), masters), (2, 1));
            }
        }

        #[test]
        fn the_masters_shares_are_all_slots_once(count in 1_usize..200) {
            let placement = Placement::over(&members(count), 7000, 7001);
            let shares: Vec<Slots> = placement.masters().map(|master| placement.share(master)).collect();
            let sum: usize = shares.iter().map(Slots::count).sum();
            prop_assert_eq!(sum, 16384);
            prop_assert!(Slots::uncovered(&shares).is_empty());
        }
    }
}
