/// What a history is before there is one.
pub(crate) const NO_HISTORY: &str = "00000000-0000-0000-0000-000000000000";

/// What a server says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Whether it takes part in a cluster at all.
    pub(crate) is_member: bool,
    /// The name of its cluster.
    pub(crate) cluster: String,
    /// Whether the members that it sees are the majority.
    pub(crate) is_primary: bool,
    /// Whether it takes statements.
    pub(crate) is_ready: bool,
    /// How it stands to the others, such as `Synced` or `Joining`.
    pub(crate) state: String,
    /// Which history of changes its data is a state of.
    pub(crate) history: String,
    /// How many members it sees, itself included.
    pub(crate) size: usize,
    /// Its version, as far as two that differ in it should not be together for long.
    pub(crate) version: String,
}

impl Report {
    /// Reads the answer to the question of `look`; none where it is not one.
    pub(crate) fn parse(answer: &str) -> Option<Self> {
        let find = |key: &str| {
            let mut lines = answer.lines().filter_map(|line| line.split_once('\t'));
            lines.find_map(|(own, value)| (own == key).then_some(value.trim()))
        };
        let text = |key: &str| find(key).unwrap_or_default().to_owned();
        let is = |key: &str, wanted: &str| find(key).is_some_and(|value| value == wanted);
        Some(Self {
            is_member: find("wsrep_on")? == "ON",
            cluster: find("wsrep_cluster_name")?.to_owned(),
            is_primary: is("wsrep_cluster_status", "Primary"),
            is_ready: is("wsrep_ready", "ON"),
            state: text("wsrep_local_state_comment"),
            history: text("wsrep_cluster_state_uuid"),
            size: text("wsrep_cluster_size").parse().unwrap_or(0),
            version: series(&text("version")),
        })
    }

    /// Tells whether it has everything that the others have, and serves.
    pub(crate) fn is_in_step(&self) -> bool {
        self.is_primary && self.is_ready && self.state == "Synced" && self.has_history()
    }

    /// Members that were killed and started without the position they were at may meet again as a
    /// cluster that has no history: nobody can join it.
    pub(crate) fn has_history(&self) -> bool {
        !self.history.is_empty() && self.history != NO_HISTORY
    }
}

/// `10.11` of `10.11.19-MariaDB-deb12u1-log`.
fn series(version: &str) -> String {
    version.split('.').take(2).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "wsrep_local_state_comment\tSynced\nwsrep_cluster_size\t3\n\
        wsrep_cluster_state_uuid\t8bcf4a34-aedb-14e5-bcc3-d3e36277729f\n\
        wsrep_cluster_status\tPrimary\nwsrep_ready\tON\nwsrep_on\tON\n\
        wsrep_cluster_name\torders\nversion\t10.11.19-MariaDB-0+deb12u1\n";

    #[test]
    fn a_member_in_step_says_so_in_five_words() {
        let report = Report::parse(ANSWER).unwrap();
        assert!(report.is_in_step(), "{report:?}");
        assert_eq!((report.size, report.cluster.as_str()), (3, "orders"));
        assert_eq!(report.version, "10.11");
        for (was, is) in [
            ("Synced", "Donor/Desynced"),
            ("Primary", "non-Primary"),
            ("wsrep_ready\tON", "wsrep_ready\tOFF"),
            ("8bcf4a34-aedb-14e5-bcc3-d3e36277729f", NO_HISTORY),
        ] {
            let report = Report::parse(&ANSWER.replace(was, is)).unwrap();
            assert!(!report.is_in_step(), "{is}");
        }
    }

    #[test]
    fn what_is_no_answer_is_no_report() {
        assert_eq!(Report::parse("ERROR 2002 (HY000): Can't connect"), None);
        assert_eq!(Report::parse(""), None);
    }
}
