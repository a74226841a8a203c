use std::collections::BTreeSet;

use crate::nodes::Node;
use crate::placement::Planned;
use crate::replication::{self, Follower};
use crate::slots::Slots;

/// What an instance says about itself and its peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Its id.
    pub(crate) id: String,
    /// The id of the master that it replicates; none for a master.
    pub(crate) master: Option<String>,
    /// The slots it serves.
    pub(crate) slots: Slots,
    /// How many keys it holds.
    pub(crate) keys: u64,
    /// Whether it is a replica whose link to its master is up.
    pub(crate) is_linked: bool,
    /// Whether it says that the cluster is well.
    pub(crate) is_content: bool,
    /// Whether slots are on their way to it or from it.
    pub(crate) is_moving: bool,
    /// Those that replicate it, as far as they are in touch with it.
    pub(crate) followers: Vec<Follower>,
    /// The others that it knows.
    pub(crate) peers: Vec<Node>,
}

impl Seen {
    /// Puts together what `CLUSTER NODES`, `CLUSTER INFO` and `INFO` say.
    pub(crate) fn new(nodes: Vec<Node>, cluster: &str, information: &str) -> Option<Self> {
        let (own, peers): (Vec<Node>, Vec<Node>) =
            nodes.into_iter().partition(|node| node.is_myself);
        let own = own.into_iter().next()?;
        Some(Self {
            id: own.id,
            master: own.master,
            slots: own.slots,
            keys: keys(information),
            is_linked: has_line(information, "master_link_status:up"),
            is_content: has_line(cluster, "cluster_state:ok"),
            is_moving: own.is_moving,
            followers: replication::followers(information),
            peers,
        })
    }

    /// Makes up an instance that was just started for the first time.
    pub(crate) fn fresh(planned: &Planned) -> Self {
        Self {
            id: format!("id-of-{}", planned.name),
            master: None,
            slots: Slots::default(),
            keys: 0,
            is_linked: false,
            is_content: false,
            is_moving: false,
            followers: Vec::new(),
            peers: Vec::new(),
        }
    }

    /// Returns it as its peers know it.
    pub(crate) fn as_node(&self, address: &str) -> Node {
        Node {
            id: self.id.clone(),
            address: address.to_owned(),
            is_myself: false,
            is_lost: false,
            master: self.master.clone(),
            slots: self.slots.clone(),
            is_moving: self.is_moving,
        }
    }

    /// Tells whether it is a master that serves slots.
    pub(crate) fn is_holder(&self) -> bool {
        self.master.is_none() && !self.slots.is_empty()
    }

    /// Tells whether it is content, and in step if it is a replica.
    pub(crate) fn is_well(&self) -> bool {
        self.is_content && (self.master.is_none() || self.is_linked)
    }

    /// Tells whether it replicates the instance of this id.
    pub(crate) fn follows(&self, id: &str) -> bool {
        self.master.as_deref() == Some(id)
    }

    /// Tells whether it can reach the instance of this id at this address.
    pub(crate) fn reaches(&self, id: &str, address: &str) -> bool {
        self.peers
            .iter()
            .any(|peer| peer.id == id && peer.address == address)
    }

    /// Returns the ids that it knows, its own too.
    pub(crate) fn known(&self) -> BTreeSet<&str> {
        let peers = self.peers.iter().map(|peer| peer.id.as_str());
        peers.chain([self.id.as_str()]).collect()
    }
}

/// Tells whether one of the lines is just this; Redis ends them with a carriage return.
pub(crate) fn has_line(text: &str, line: &str) -> bool {
    text.lines().any(|own| own.trim_end() == line)
}

/// Reads `db0:keys=3,expires=0,avg_ttl=0`, which is missing where there is no key.
fn keys(information: &str) -> u64 {
    information
        .lines()
        .filter_map(|line| line.strip_prefix("db0:keys="))
        .filter_map(|rest| rest.split(',').next()?.parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_keys_of_the_only_database() {
        assert_eq!(
            keys("# Keyspace\r\ndb0:keys=31,expires=0,avg_ttl=0\r\n"),
            31
        );
        assert_eq!(keys("# Keyspace\r\n"), 0);
    }

    #[test]
    fn a_line_is_found_behind_its_carriage_return() {
        assert!(has_line("a:b\r\ncluster_state:ok\r\n", "cluster_state:ok"));
        assert!(!has_line("cluster_state:okay\r\n", "cluster_state:ok"));
    }
}
