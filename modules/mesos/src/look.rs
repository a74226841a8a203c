use std::fmt;

use cellhost_sdk::prelude::*;
use cellhost_sdk::serde_json::{self, Value};

use crate::http::{self, Told};
use crate::master;
use crate::seat::Seat;
use crate::settings::Settings;

/// How a master's service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nobody listens at its port.
    Closed,
    /// Something listens and says nothing that a master would.
    Silent,
    /// It answers.
    Answers(Report),
    /// This is a dry run that held back changes there.
    Assumed,
    /// Its machine cannot be reached.
    Unreachable,
}

/// What a master says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Whether it was elected.
    pub(crate) leads: bool,
    /// Whether it takes part in the registry.
    pub(crate) has_registry: bool,
    /// How many masters take part in the registry, as it sees it.
    pub(crate) replicas: usize,
    /// Where it leads: how many agents there are.
    pub(crate) agents: usize,
}

/// How a master is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Its number.
    pub(crate) id: u32,
    /// Its machine.
    pub(crate) name: String,
    /// What it was told.
    pub(crate) seat: Option<Seat>,
    /// How its service is.
    pub(crate) state: State,
}

impl Report {
    /// Reads the answer to `/metrics/snapshot`.
    pub(crate) fn parse(body: &str) -> Option<Self> {
        let body: Value = serde_json::from_str(body).ok()?;
        let number = |key: &str| body.get(key).and_then(Value::as_f64);
        let count = |key: &str| {
            let number = number(key).unwrap_or_default().clamp(0.0, 1e6);
            format!("{number:.0}").parse().unwrap_or_default()
        };
        Some(Self {
            leads: number("master/elected")? > 0.5,
            has_registry: count("registrar/log/recovered") == 1,
            replicas: count("registrar/log/ensemble_size"),
            agents: count("master/slaves_active"),
        })
    }
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Closed => "does not listen",
            Self::Silent => "listens and does not answer as a master does",
            Self::Answers(report) if !report.has_registry => "has not recovered the registry",
            Self::Answers(_) => "serves",
            Self::Assumed => "is assumed to serve",
            Self::Unreachable => "cannot be reached",
        })
    }
}

/// Looks at a master.
pub(crate) fn at(settings: &Settings, machine: &Machine) -> Result<Seen, Failure> {
    let name = machine.name();
    let seat = match machine.read_if_any(master::SEAT, 64 * 1024)? {
        None => None,
        Some(bytes) => Some(Seat::parse(&String::from_utf8_lossy(&bytes)).ok_or_else(|| {
            Failure::refused(format!(
                "{name}: {} is not what cellhost has written there: mend it by hand, as the other \
                 masters have it",
                master::SEAT
            ))
        })?),
    };
    Ok(Seen {
        id: machine.ordinal(),
        state: ask(settings, machine)?,
        name,
        seat,
    })
}

/// Looks at a master whose machine may be gone.
pub(crate) fn if_any(settings: &Settings, machine: &Machine) -> Seen {
    at(settings, machine).unwrap_or_else(|_| Seen {
        id: machine.ordinal(),
        name: machine.name(),
        seat: None,
        state: State::Unreachable,
    })
}

/// Asks a master how it is.
pub(crate) fn ask(settings: &Settings, machine: &Machine) -> Result<State, Failure> {
    let address = machine.address();
    let told = http::get(machine, &address, settings.master_port, "/metrics/snapshot")?;
    Ok(match told {
        Told::Nobody => State::Closed,
        Told::Assumed => State::Assumed,
        Told::Reply(reply) if reply.status == 200 => {
            Report::parse(&reply.body).map_or(State::Silent, State::Answers)
        }
        Told::Reply(_) | Told::Silence => State::Silent,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_says_who_takes_part() {
        let body = r#"{"master/elected":1.0,"registrar/log/recovered":1.0,
            "registrar/log/ensemble_size":3.0,"master/slaves_active":12.0}"#;
        let report = Report {
            leads: true,
            has_registry: true,
            replicas: 3,
            agents: 12,
        };
        assert_eq!(Report::parse(body), Some(report));
        assert_eq!(Report::parse("{}"), None);
        assert_eq!(Report::parse("<html>"), None);
    }
}
