//! How far each master's replica is: what is told of a cluster once it is as planned.

use cellhost_sdk::log;

use crate::placement::Placement;
use crate::seen::Seen;

/// So many seconds without a word make a replica one that is lost from sight.
const SILENCE: u64 = 10;

/// What a master says of one of its replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Follower {
    /// Its address and port.
    pub(crate) address: String,
    /// Whether it has all data but for what is on its way.
    pub(crate) is_online: bool,
    /// How many bytes it is behind.
    pub(crate) behind: u64,
    /// How many seconds ago it last said how far it is.
    pub(crate) silent: u64,
}

/// Reads `slave0:ip=10.0.0.2,port=7001,state=online,offset=98,lag=1` and the like.
pub(crate) fn followers(information: &str) -> Vec<Follower> {
    let own = information
        .lines()
        .find_map(|line| line.strip_prefix("master_repl_offset:"))
        .and_then(|offset| offset.trim_end().parse::<u64>().ok())
        .unwrap_or(0);
    let lines = information.lines().filter_map(|line| {
        let (key, values) = line.trim_end().split_once(':')?;
        let number = key.strip_prefix("slave")?;
        number.parse::<u32>().is_ok().then_some(values)
    });
    lines
        .filter_map(|values| {
            let value = |key: &str| {
                let mut pairs = values.split(',').filter_map(|pair| pair.split_once('='));
                pairs.find_map(|(own, value)| (own == key).then_some(value))
            };
            let offset: u64 = value("offset")?.parse().ok()?;
            Some(Follower {
                address: format!("{}:{}", value("ip")?, value("port")?),
                is_online: value("state")? == "online",
                behind: own.saturating_sub(offset),
                silent: value("lag")?.parse().unwrap_or(0),
            })
        })
        .collect()
}

/// Tells how each master is replicated: all of it for the record, what is not well to the operator.
pub(crate) fn report(placement: &Placement, seen: &[Seen]) {
    for (words, is_well) in lines(placement, seen) {
        if is_well {
            log::info(&words);
        } else {
            log::warn(&words);
        }
    }
}

/// Returns what there is to say of each master, and whether it is well.
fn lines(placement: &Placement, seen: &[Seen]) -> Vec<(String, bool)> {
    let line = |master: usize| {
        let one = seen.get(master)?;
        let (name, slots, keys) = (placement.name(master), one.slots.count(), one.keys);
        let replica = placement.instances.get(placement.replica_of(master))?;
        let mut followers = one.followers.iter();
        let follower = followers.find(|follower| follower.address == replica.address);
        let (words, is_well) = match follower {
            None => ("is not in touch with it".to_owned(), false),
            Some(one) if !one.is_online => ("is being given all data".to_owned(), true),
            Some(one) if one.silent > SILENCE => {
                (format!("has said nothing for {} s", one.silent), false)
            }
            Some(one) if one.behind > 0 => (format!("is {} bytes behind", one.behind), true),
            Some(_) => ("is in step".to_owned(), true),
        };
        let words = format!(
            "replication: {name} serves {slots} slots with {keys} keys, and its replica {} {words}",
            replica.name
        );
        Some((words, is_well))
    };
    placement.masters().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::tests::{formed, placement};

    const INFORMATION: &str = "# Replication\r\nrole:master\r\nconnected_slaves:1\r\n\
        slave0:ip=10.0.0.2,port=7001,state=online,offset=98,lag=1\r\n\
        slave_read_only:1\r\nmaster_repl_offset:100\r\n";

    #[test]
    fn reads_what_a_master_says_of_its_replicas() {
        let follower = Follower {
            address: "10.0.0.2:7001".to_owned(),
            is_online: true,
            behind: 2,
            silent: 1,
        };
        assert_eq!(followers(INFORMATION), [follower]);
        assert!(followers("role:slave\r\nslave_repl_offset:7\r\n").is_empty());
    }

    #[test]
    fn tells_of_every_master_how_far_its_replica_is() {
        let placement = placement(3);
        let mut seen = formed(&placement);
        seen[0].followers = followers(INFORMATION);
        seen[0].keys = 7;
        seen[1].followers = followers(
            "slave0:ip=10.0.0.3,port=7001,state=wait_bgsave,offset=0,lag=0\nmaster_repl_offset:9",
        );
        let lines = lines(&placement, &seen);
        let words = [
            (
                "replication: m1:7000 serves 5461 slots with 7 keys, and its replica m2:7001 is 2 \
                 bytes behind",
                true,
            ),
            (
                "replication: m2:7000 serves 5461 slots with 0 keys, and its replica m3:7001 is \
                 being given all data",
                true,
            ),
            (
                "replication: m3:7000 serves 5462 slots with 0 keys, and its replica m1:7001 is not \
                 in touch with it",
                false,
            ),
        ];
        assert_eq!(
            lines,
            words.map(|(words, is_well)| (words.to_owned(), is_well))
        );
    }
}
