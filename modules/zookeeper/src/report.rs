/// What a member that serves says of itself: the answer to `mntr`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// What it is to the others.
    pub(crate) role: Role,
    /// Whether it has caught up.
    pub(crate) is_in_step: bool,
    /// How many votes there are by its own list.
    pub(crate) voters: usize,
    /// Where it leads: how many followers with a vote have caught up.
    pub(crate) followers: usize,
}

/// What a member is to the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Role {
    /// It orders all writes.
    Leader,
    /// It votes.
    #[default]
    Follower,
    /// It listens and has no vote.
    Observer,
    /// It knows of no others.
    Standalone,
}

impl Report {
    /// Reads an answer; none where it is that of one that does not serve.
    pub(crate) fn parse(answer: &str) -> Option<Self> {
        let find = |key: &str| {
            let mut lines = answer.lines().filter_map(|line| line.split_once('\t'));
            lines.find_map(|(own, value)| (own == key).then_some(value.trim()))
        };
        let count = |key: &str| find(key).and_then(|value| value.parse().ok());
        let role = match find("zk_server_state")? {
            "leader" => Role::Leader,
            "follower" => Role::Follower,
            "observer" => Role::Observer,
            "standalone" => Role::Standalone,
            _ => return None,
        };
        // Where it has no peers to be in step with it does not say so.
        let is_in_step = find("zk_peer_state").is_none_or(|state| state.ends_with("broadcast"));
        Some(Self {
            role,
            is_in_step: is_in_step || role == Role::Observer,
            voters: count("zk_quorum_size").unwrap_or(1),
            followers: count("zk_synced_followers").unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_says_who_is_in_step_with_it() {
        let answer = "zk_version\t3.8.0--1, built on 2024-02-10\nzk_server_state\tleader\n\
                      zk_peer_state\tleading - broadcast\nzk_quorum_size\t3\n\
                      zk_synced_followers\t2\n";
        let report = Report {
            role: Role::Leader,
            is_in_step: true,
            voters: 3,
            followers: 2,
        };
        assert_eq!(Report::parse(answer), Some(report));
    }

    #[test]
    fn a_follower_that_still_catches_up_is_not_in_step() {
        let answer = "zk_server_state\tfollower\nzk_peer_state\tfollowing - synchronization\n";
        assert!(!Report::parse(answer).unwrap().is_in_step);
    }

    #[test]
    fn one_without_a_quorum_reports_nothing() {
        let answer = "This ZooKeeper instance is not currently serving requests\n";
        assert_eq!(Report::parse(answer), None);
        assert_eq!(Report::parse("HTTP/1.1 400 Bad Request\r\n"), None);
    }
}
