use std::fmt;

use cellhost_sdk::Kind;
use cellhost_sdk::prelude::*;

use crate::member::{self, DATA, GRASTATE, NOTE};
use crate::remains::Remains;
use crate::report::Report;

/// What a dry run, which has held back changes, assumes for an answer that it cannot have.
const ASSUMED: &str = "assumed";
const QUESTION: &str = "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_cluster_size', \
     'wsrep_cluster_state_uuid', 'wsrep_cluster_status', 'wsrep_local_state_comment', \
     'wsrep_ready'); SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', \
     'wsrep_cluster_name', 'wsrep_on')";
/// Other engines' tables are written on one member and on none of the others.
const STRAYS: &str = "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME, ' (', ENGINE, ')') FROM \
     information_schema.TABLES WHERE TABLE_TYPE = 'BASE TABLE' AND ENGINE NOT IN ('InnoDB', \
     'SEQUENCE') AND TABLE_SCHEMA NOT IN ('mysql', 'information_schema', 'performance_schema', \
     'sys') ORDER BY 1 LIMIT 4";
const LONGEST: u32 = 64 * 1024;
/// What the directory of the data has that is no database.
const NO_DATABASES: [&str; 5] = ["mysql", "performance_schema", "sys", "lost+found", "test"];

/// How the server of a member is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It answers.
    Answers(Report),
    /// Its service runs and does not answer: it waits for others, gets data, begins or ends.
    Between,
    /// It does not run.
    Stopped(Remains),
    /// This is a dry run that held back changes there; it is a member, and so it serves.
    Assumed,
    /// It could not be looked at, and may be anything; why.
    Unknown(String),
}

/// How a member is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Its number.
    pub(crate) ordinal: u32,
    /// Its machine.
    pub(crate) name: String,
    /// How its server is.
    pub(crate) state: State,
    /// Which cluster it has been a member of. Not looked for where it answers.
    pub(crate) note: Option<String>,
}

impl Seen {
    /// Tells whether it is of a cluster that has a quorum.
    pub(crate) fn lives(&self) -> bool {
        match &self.state {
            State::Answers(report) => report.is_primary && report.has_history(),
            state => *state == State::Assumed,
        }
    }

    /// Tells whether it has everything that the others have, and serves.
    pub(crate) fn is_in_step(&self) -> bool {
        match &self.state {
            State::Answers(report) => report.is_in_step(),
            state => *state == State::Assumed,
        }
    }

    /// Tells whether it is given all data when it comes to others.
    pub(crate) fn lacks_data(&self) -> bool {
        matches!(&self.state, State::Stopped(remains) if remains.history.is_none())
    }

    /// Says why it cannot be a member of this cluster, if it is another's.
    pub(crate) fn stranger(&self, cluster: &str) -> Option<String> {
        let name = &self.name;
        let other = match &self.state {
            State::Answers(report) if !report.is_member => {
                return Some(format!(
                    "{name} runs a MariaDB that is no member of a cluster. If there is nothing in \
                     it, `systemctl stop mariadb` is enough; else save what is in it, stop it and \
                     move {DATA} away"
                ));
            }
            State::Answers(report) => &report.cluster,
            _ => self.note.as_ref()?,
        };
        (other != cluster).then(|| {
            format!(
                "{name} is a member of the cluster `{}`, and the plan calls it `{cluster}`: a \
                 cluster keeps its name. Set `cluster-name = \"{0}\"`; or, if {name} is to be of \
                 another cluster from now on, take it out of the plan first",
                other.escape_debug()
            )
        })
    }
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answers(report) if report.is_in_step() => formatter.write_str("serves"),
            Self::Answers(report) if !report.is_primary => write!(
                formatter,
                "has no quorum: it sees {} and is `{}`",
                match report.size {
                    0 | 1 => "no other member".to_owned(),
                    size => format!("{size} members"),
                },
                report.state.escape_debug()
            ),
            Self::Answers(report) if !report.has_history() => {
                formatter.write_str("is of a cluster without a history, which nobody can join")
            }
            Self::Answers(report) => {
                write!(formatter, "catches up (`{}`)", report.state.escape_debug())
            }
            Self::Between => formatter.write_str("runs and does not answer"),
            Self::Stopped(_) => formatter.write_str("does not run"),
            Self::Assumed => formatter.write_str("is assumed to serve"),
            Self::Unknown(why) => write!(formatter, "cannot be looked at ({why})"),
        }
    }
}

/// Looks at a member.
pub(crate) fn at(machine: &Machine) -> Seen {
    let answer = question().probe_assuming(machine, Answer::assumed(ASSUMED));
    understood(machine, answer)
}

/// Looks at many members at once.
pub(crate) fn all(machines: &[Machine]) -> Vec<Seen> {
    let assumed = || Answer::assumed(ASSUMED);
    let check = |machine| Check::of(machine, question()).assuming(assumed());
    let answers = probe_all(machines.iter().map(check));
    let told = machines.iter().zip(answers);
    told.map(|(machine, answer)| understood(machine, answer))
        .collect()
}

/// Names some tables that are not replicated; none where that cannot be told.
pub(crate) fn strays(machine: &Machine) -> Vec<String> {
    let told = member::client("root", STRAYS).probe_assuming(machine, Answer::assumed(""));
    let told = told.ok().filter(Answer::is_success);
    let text = told.map(|told| told.text()).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn question() -> Command {
    member::client("root", QUESTION)
}

fn understood(machine: &Machine, answer: Result<Answer, Failure>) -> Seen {
    let (state, note) = answer
        .and_then(|answer| state(machine, &answer))
        .unwrap_or_else(|failure| (State::Unknown(failure.message().to_owned()), None));
    Seen {
        ordinal: machine.ordinal(),
        name: machine.name(),
        state,
        note,
    }
}

fn state(machine: &Machine, answer: &Answer) -> Result<(State, Option<String>), Failure> {
    if let Some(report) = Report::parse(&answer.text()).filter(|_| answer.is_success()) {
        return Ok((State::Answers(report), None));
    }
    // A turn on that machine may hold something back after the first question.
    let service = Command::new(["systemctl", "is-active", "mariadb"])
        .probe_assuming(machine, Answer::assumed(ASSUMED))?;
    let note = machine.read_if_any(NOTE, LONGEST)?;
    let note = note.map(|note| String::from_utf8_lossy(&note).trim().to_owned());
    let state = match service.text().as_str() {
        ASSUMED if note.is_some() => State::Assumed,
        "active" | "activating" | "deactivating" | "reloading" => State::Between,
        _ => State::Stopped(remains(machine)?),
    };
    Ok((state, note))
}

fn remains(machine: &Machine) -> Result<Remains, Failure> {
    let grastate = machine.read_if_any(GRASTATE, LONGEST)?;
    let mut remains = Remains::parse(&String::from_utf8_lossy(&grastate.unwrap_or_default()));
    if remains.history.is_none() {
        remains.has_databases = has_databases(machine)?;
    }
    Ok(remains)
}

/// Each database is a directory, and none of their names has a dot.
fn has_databases(machine: &Machine) -> Result<bool, Failure> {
    if machine.stat(DATA)?.is_none() {
        return Ok(false);
    }
    for name in machine.entries(DATA)? {
        if name.contains(['.', '#']) || NO_DATABASES.contains(&name.as_str()) {
            continue;
        }
        let outside = machine.stat(&format!("{DATA}/{name}"))?;
        if outside.is_some_and(|outside| matches!(outside.kind, Kind::Directory)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Makes up how a member is, for tests.
#[cfg(test)]
pub(crate) fn seen(ordinal: u32, state: State, note: Option<&str>) -> Seen {
    Seen {
        ordinal,
        name: format!("m{ordinal}"),
        state,
        note: note.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(cluster: &str, is_member: bool) -> State {
        State::Answers(Report {
            cluster: cluster.to_owned(),
            is_member,
            ..Report::default()
        })
    }

    #[test]
    fn a_server_of_its_own_is_no_member() {
        let why = seen(2, report("my_wsrep_cluster", false), None).stranger("orders");
        assert_eq!(
            why.unwrap(),
            "m2 runs a MariaDB that is no member of a cluster. If there is nothing in it, \
             `systemctl stop mariadb` is enough; else save what is in it, stop it and move \
             /var/lib/mysql away"
        );
    }

    #[test]
    fn a_cluster_keeps_its_name() {
        let stopped = State::Stopped(Remains::default());
        for seen in [
            seen(2, report("old", true), None),
            seen(2, stopped, Some("old")),
        ] {
            assert_eq!(
                seen.stranger("orders").unwrap(),
                "m2 is a member of the cluster `old`, and the plan calls it `orders`: a cluster \
                 keeps its name. Set `cluster-name = \"old\"`; or, if m2 is to be of another \
                 cluster from now on, take it out of the plan first"
            );
            assert_eq!(seen.stranger("old"), None);
        }
    }

    #[test]
    fn a_cluster_without_a_history_does_not_count_as_one_that_lives() {
        let lost = Report {
            is_primary: true,
            is_ready: true,
            state: "Synced".to_owned(),
            history: crate::report::NO_HISTORY.to_owned(),
            ..Report::default()
        };
        let lost = seen(1, State::Answers(lost), None);
        assert!(!lost.lives() && !lost.is_in_step());
        assert_eq!(
            lost.state.to_string(),
            "is of a cluster without a history, which nobody can join"
        );
    }
}
