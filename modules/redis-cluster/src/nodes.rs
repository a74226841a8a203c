use std::fmt;

use crate::slots::Slots;

/// One line of `CLUSTER NODES`: what one instance knows about another, or about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// Its id.
    pub(crate) id: String,
    /// Its address and port.
    pub(crate) address: String,
    /// Whether it is the one that was asked.
    pub(crate) is_myself: bool,
    /// Whether it is taken for failed, or cannot be reached for want of an address.
    pub(crate) is_lost: bool,
    /// The id of the master that it replicates; none for a master.
    pub(crate) master: Option<String>,
    /// The slots it serves.
    pub(crate) slots: Slots,
    /// Whether slots are on their way to it or from it. Each says so of itself only.
    pub(crate) is_moving: bool,
}

impl fmt::Display for Node {
    /// Writes it as Redis does.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, address, .. } = self;
        let myself = if self.is_myself { "myself," } else { "" };
        let role = if self.master.is_some() {
            "slave"
        } else {
            "master"
        };
        let lost = if self.is_lost { ",fail" } else { "" };
        let master = self.master.as_deref().unwrap_or("-");
        let slots = &self.slots;
        let moving = if self.is_moving { " [0->-?]" } else { "" };
        write!(
            formatter,
            "{id} {address} {myself}{role}{lost} {master} 0 0 0 connected {slots}{moving}"
        )
    }
}

/// Reads `CLUSTER NODES`, or what an instance keeps of it in a file. Instances that have not shaken
/// hands yet are left out: their ids are not theirs yet.
pub(crate) fn parse(text: &str) -> Option<Vec<Node>> {
    let mut nodes = Vec::new();
    let is_node = |line: &&str| !line.trim().is_empty() && !line.starts_with("vars ");
    for line in text.lines().filter(is_node) {
        let mut words = line.split_whitespace();
        let (id, address, flags, master) =
            (words.next()?, words.next()?, words.next()?, words.next()?);
        let flags: Vec<&str> = flags.split(',').collect();
        if flags.contains(&"handshake") {
            continue;
        }
        // Two moments of contact, the epoch and the state of the link stand between.
        let slots: Vec<&str> = words.skip(4).collect();
        nodes.push(Node {
            id: id.to_owned(),
            address: address.split('@').next()?.to_owned(),
            is_myself: flags.contains(&"myself"),
            is_lost: flags.contains(&"fail") || flags.contains(&"noaddr"),
            // A replica that has forgotten its master has `-` for it, and is still no master.
            master: flags.contains(&"slave").then(|| master.to_owned()),
            is_moving: slots.iter().any(|word| word.starts_with('[')),
            slots: Slots::parse(slots.into_iter())?,
        });
    }
    nodes.iter().any(|node| node.is_myself).then_some(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMED: &str = "\
492ae8 10.0.0.3:7001@17001 slave 9093b0 0 1795246223536 2 connected
854e71 10.0.0.2:7001@17001,m2.example slave 851fa9 0 1795246224141 1 connected
af216f 10.0.0.3:7000@17000 master - 0 1795246222531 6 connected 10922-16383
9093b0 10.0.0.2:7000@17000 master,fail - 1795246222000 0 2 disconnected 5461-10921
851fa9 10.0.0.1:7000@17000 myself,master - 0 1795246222000 1 connected 0-5459 5460 [77->-af216f]
c0ffee 10.0.0.9:7000@17000 handshake - 0 0 0 disconnected
12a2d3 :0@0 slave,noaddr af216f 0 1795246223536 6 disconnected
";

    #[test]
    fn reads_what_redis_writes() {
        let nodes = parse(FORMED).unwrap();
        assert_eq!(nodes.len(), 6);
        let myself = nodes.iter().find(|node| node.is_myself).unwrap();
        assert_eq!(myself.address, "10.0.0.1:7000");
        assert_eq!(myself.slots.count(), 5461);
        let moving = nodes.iter().filter(|node| node.is_moving);
        assert!(moving.eq([myself]));
        let lost: Vec<&str> = nodes
            .iter()
            .filter(|node| node.is_lost)
            .map(|node| node.id.as_str())
            .collect();
        assert_eq!(lost, ["9093b0", "12a2d3"]);
        assert_eq!(nodes[1].address, "10.0.0.2:7001");
        assert_eq!(nodes[1].master.as_deref(), Some("851fa9"));
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let nodes = parse(FORMED).unwrap();
        let lines: Vec<String> = nodes.iter().map(ToString::to_string).collect();
        assert_eq!(parse(&lines.join("\n")), Some(nodes));
    }

    #[test]
    fn what_stands_in_its_file_besides_is_no_node() {
        let kept = format!("{FORMED}vars currentEpoch 6 lastVoteEpoch 0\n");
        assert_eq!(parse(&kept), parse(FORMED));
    }

    #[test]
    fn an_error_is_no_view() {
        assert_eq!(parse("NOAUTH Authentication required.\n"), None);
        assert_eq!(
            parse("LOADING Redis is loading the dataset in memory\n"),
            None
        );
        assert_eq!(parse(""), None);
    }
}
