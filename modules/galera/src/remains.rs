use crate::report::NO_HISTORY;

/// What a member that does not run has on its disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Remains {
    /// Which history of changes its data is a state of.
    pub(crate) history: Option<String>,
    /// How many changes of it it has; none where only the data itself can tell.
    pub(crate) position: Option<i64>,
    /// Whether it was the last one to leave, by its own word.
    pub(crate) was_last: bool,
    /// Whether it has databases, be they of this cluster or not. Known only where it has no history.
    pub(crate) has_databases: bool,
}

impl Remains {
    /// Reads `grastate.dat`.
    pub(crate) fn parse(grastate: &str) -> Self {
        let find = |key: &str| {
            let mut lines = grastate.lines().filter_map(|line| line.split_once(':'));
            lines.find_map(|(own, value)| (own.trim() == key).then(|| value.trim().to_owned()))
        };
        let position = find("seqno").and_then(|value| value.parse().ok());
        Self {
            history: find("uuid").filter(|history| history != NO_HISTORY),
            position: position.filter(|position| *position >= 0),
            was_last: find("safe_to_bootstrap").as_deref() == Some("1"),
            has_databases: false,
        }
    }

    /// Takes up what `galera_recovery` found out: `--wsrep_start_position=<history>:<position>`.
    pub(crate) fn measured(&mut self, found: &str) {
        let found = found.split_whitespace().next_back().unwrap_or_default();
        let found = found.rsplit_once('=').map_or(found, |(_, found)| found);
        let Some((history, position)) = found.split_once(':') else {
            return;
        };
        // The position may be followed by that of another kind of replication.
        let position = position.split(',').next().unwrap_or_default();
        if history != NO_HISTORY {
            self.history = Some(history.to_owned());
            self.position = position.parse().ok();
        }
    }

    /// Tells whether it has anything that could be lost.
    pub(crate) fn is_something(&self) -> bool {
        self.history.is_some() || self.has_databases
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HISTORY: &str = "8bcf4a34-aedb-14e5-bcc3-d3e36277729f";

    fn grastate(seqno: &str, safe: u8) -> String {
        format!(
            "# GALERA saved state\nversion: 2.1\nuuid:    {HISTORY}\nseqno:   {seqno}\n\
             safe_to_bootstrap: {safe}\n"
        )
    }

    #[test]
    fn one_that_stopped_in_order_says_how_far_it_is() {
        let remains = Remains::parse(&grastate("1204", 1));
        assert_eq!(remains.history.as_deref(), Some(HISTORY));
        assert_eq!(remains.position, Some(1204));
        assert!(remains.was_last && remains.is_something());
    }

    #[test]
    fn one_that_was_killed_is_measured() {
        let mut remains = Remains::parse(&grastate("-1", 0));
        assert_eq!(remains.position, None);
        remains.measured(&format!("--wsrep_start_position={HISTORY}:1207,0-1-3\n"));
        assert_eq!(remains.position, Some(1207));
        remains.measured(&format!("{NO_HISTORY}:-1"));
        assert_eq!(remains.position, Some(1207));
    }

    #[test]
    fn one_that_never_was_in_a_cluster_has_no_history() {
        let text = grastate("-1", 0).replace(HISTORY, NO_HISTORY);
        assert!(!Remains::parse(&text).is_something());
    }
}
