use std::collections::{BTreeMap, BTreeSet};

use super::Situation;
use crate::nodes::Node;
use crate::seen::Seen;

impl Situation<'_> {
    /// Fails, with words for the operator, where going on could cost data.
    pub(super) fn refuse_danger(&self) -> Result<(), String> {
        self.refuse_twins()?;
        self.refuse_stray_keys()?;
        self.refuse_two_clusters()?;
        self.refuse_strangers()?;
        self.refuse_other_pasts()?;
        self.refuse_lost_slots()
    }

    /// A disk that was copied has its instance's identity, and the others take both for one.
    fn refuse_twins(&self) -> Result<(), String> {
        let mut known = BTreeMap::new();
        for (at, one) in self.seen.iter().enumerate() {
            if let Some(first) = known.insert(one.id.as_str(), at) {
                let (first, second) = (self.placement.name(first), self.placement.name(at));
                return Err(format!(
                    "{first} and {second} have the same identity: the disk of one is a copy of the \
                     other's. Stop the copy, move its directory in /var/lib/redis away, and run again"
                ));
            }
        }
        Ok(())
    }

    /// Keys on an instance that serves nothing would vanish when it becomes a replica.
    fn refuse_stray_keys(&self) -> Result<(), String> {
        for (at, one) in self.seen.iter().enumerate() {
            if one.master.is_none() && one.slots.is_empty() && one.keys > 0 {
                return Err(format!(
                    "{} holds {} keys and serves no slots: this data is not this cluster's. Move \
                     it away, or empty the instance, and run again",
                    self.placement.name(at),
                    one.keys
                ));
            }
        }
        Ok(())
    }

    /// Two clusters that meet become one, and the data of one of them is lost.
    fn refuse_two_clusters(&self) -> Result<(), String> {
        let mut holders = self
            .seen
            .iter()
            .enumerate()
            .filter(|(_, one)| one.is_holder());
        let Some((first, one)) = holders.next() else {
            return Ok(());
        };
        let cluster = self.acquainted(one);
        match holders.find(|(_, other)| !cluster.contains(other.id.as_str())) {
            None => Ok(()),
            Some((other, _)) => Err(format!(
                "{} and {} serve slots of two different clusters. Take one of them out of the \
                 plan, or remove it with its data, and run again",
                self.placement.name(first),
                self.placement.name(other)
            )),
        }
    }

    /// Returns everybody that can be reached from one instance by way of acquaintances.
    fn acquainted<'a>(&'a self, one: &'a Seen) -> BTreeSet<&'a str> {
        let mut cluster = one.known();
        loop {
            let more: BTreeSet<&str> = self
                .seen
                .iter()
                .map(Seen::known)
                .filter(|known| !known.is_disjoint(&cluster))
                .flatten()
                .collect();
            if more.is_subset(&cluster) {
                return cluster;
            }
            cluster.extend(more);
        }
    }

    fn refuse_strangers(&self) -> Result<(), String> {
        let mut strangers = self.strangers().filter(|peer| {
            let is_replaced = self.is_planned(&peer.address) && peer.slots.is_empty();
            !(peer.is_lost || is_replaced || self.leaving.contains(&peer.address))
        });
        match strangers.next() {
            None => Ok(()),
            Some(peer) if self.is_planned(&peer.address) => Err(format!(
                "the instance at {} has lost its identity, and its replica has not taken over \
                 yet. Wait until it has, and run again",
                peer.address
            )),
            Some(peer) => Err(format!(
                "the cluster has a member at {} that the plan does not have. Add its machine to \
                 the plan, or take it out with `redis-cli --cluster del-node`, and run again",
                peer.address
            )),
        }
    }

    /// What an instance knows of another cluster, whose members are all away, would come back into
    /// this one with them.
    fn refuse_other_pasts(&self) -> Result<(), String> {
        let holder = self.seen.iter().find(|one| one.is_holder());
        let cluster = holder.map(|one| self.acquainted(one)).unwrap_or_default();
        for (at, one) in self.seen.iter().enumerate() {
            if cluster.contains(one.id.as_str()) {
                continue;
            }
            // Redis writes an address that it has lost as `:0`.
            let is_foreign = |peer: &&Node| {
                self.is_stranger(peer)
                    && peer.address != ":0"
                    && !self.is_planned(&peer.address)
                    && !self.leaving.contains(&peer.address)
            };
            if let Some(peer) = one.peers.iter().find(is_foreign) {
                let name = self.placement.name(at);
                return Err(format!(
                    "{name} was a member of another cluster, with one at {}. Stop it, move its \
                     directory in /var/lib/redis away, and run again",
                    peer.address
                ));
            }
        }
        Ok(())
    }

    /// Slots without a server are given away when nobody has a key yet, and never after.
    fn refuse_lost_slots(&self) -> Result<(), String> {
        let free = self.free();
        let keys: u64 = self.seen.iter().map(|one| one.keys).sum();
        if free.is_empty() || keys == 0 {
            return Ok(());
        }
        Err(format!(
            "nobody serves the slots {free}, and the cluster holds data. Bring back the instance \
             that served them, or give them up with `redis-cli --cluster fix`, and run again"
        ))
    }

    /// Nothing is left to do, and yet it is not as planned: a human has to look.
    pub(super) fn refuse_standstill(&self) -> Result<(), String> {
        let free = self.free();
        if !free.is_empty() {
            return Err(format!(
                "nobody planned as master can take the slots {free}: run `CLUSTER RESET` on the \
                 instances in their place, and run again"
            ));
        }
        for at in self.placement.masters() {
            if self.seen.get(at).is_some_and(|one| one.master.is_some()) {
                return Err(format!(
                    "{} replicates another planned master: run `CLUSTER RESET` on it, and run again",
                    self.placement.name(at)
                ));
            }
        }
        Ok(())
    }
}
