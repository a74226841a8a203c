use std::fmt;

use cellhost_sdk::prelude::*;

use crate::list::List;
use crate::member::{self, LIST};
use crate::report::Report;
use crate::settings::Settings;

/// What a dry run, which has held back changes, assumes for an answer that it cannot have.
const ASSUMED: &str = "assumed";
const LONGEST: u32 = 64 * 1024;

/// How the service of a member is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nobody listens at its port.
    Closed,
    /// It runs and serves nobody: it has no quorum, or hangs.
    Waiting,
    /// It serves.
    Serving(Report),
    /// This is a dry run that held back changes there; it serves if it knows its ensemble.
    Assumed,
    /// Its machine cannot be reached.
    Unreachable,
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Closed => "does not listen",
            Self::Waiting => "has no quorum",
            Self::Serving(report) if report.is_in_step => "serves",
            Self::Serving(_) => "catches up",
            Self::Assumed => "is assumed to serve",
            Self::Unreachable => "cannot be reached",
        })
    }
}

/// How a member is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Its number.
    pub(crate) id: u32,
    /// Its machine.
    pub(crate) name: String,
    /// How its service is.
    pub(crate) state: State,
    /// The list that it goes by.
    pub(crate) list: Option<List>,
    /// Whether its data is marked as that of this member.
    pub(crate) is_marked: bool,
    /// Whether it holds nothing that could be lost.
    pub(crate) is_blank: bool,
}

/// Looks at a member. Where its data is another's, that is refused.
pub(crate) fn at(cell: &Cell<Settings>, machine: &Machine) -> Result<Seen, Failure> {
    let settings = cell.settings();
    let state = ask(settings, machine)?;
    let list = match machine.read_if_any(LIST, LONGEST)? {
        None => None,
        Some(bytes) => Some(List::parse(&String::from_utf8_lossy(&bytes)).ok_or_else(|| {
            Failure::refused(format!(
                "{}: {LIST} is not what cellhost has written there: mend it by hand, as the other \
                 members have it",
                machine.name()
            ))
        })?),
    };
    let mut seen = Seen {
        id: machine.ordinal(),
        name: machine.name(),
        is_marked: true,
        is_blank: false,
        state,
        list,
    };
    if seen.list.is_none() || !matches!(seen.state, State::Serving(_)) {
        seen.is_marked = machine.stat(&member::marker(cell, machine))?.is_some();
        seen.is_blank = is_blank(settings, machine)?;
        refuse_others(cell, machine, &seen)?;
    }
    Ok(seen)
}

/// Looks at a member whose machine may be gone.
pub(crate) fn if_any(cell: &Cell<Settings>, machine: &Machine) -> Seen {
    at(cell, machine).unwrap_or_else(|_| Seen {
        id: machine.ordinal(),
        name: machine.name(),
        state: State::Unreachable,
        list: None,
        is_marked: false,
        is_blank: false,
    })
}

/// Asks a service how it is, from its own machine.
pub(crate) fn ask(settings: &Settings, machine: &Machine) -> Result<State, Failure> {
    let exchange = machine.dial("127.0.0.1", settings.client_port);
    let heard = match exchange.assuming(ASSUMED).ask("mntr") {
        // A service that ends while it is asked breaks the talk off.
        Err(Failure::Other(_)) => Heard::Silence,
        heard => heard?,
    };
    Ok(match heard {
        Heard::Nobody => State::Closed,
        Heard::Silence => State::Waiting,
        Heard::Answer(answer) if answer == ASSUMED.as_bytes() => State::Assumed,
        Heard::Answer(answer) => {
            Report::parse(&String::from_utf8_lossy(&answer)).map_or(State::Waiting, State::Serving)
        }
    })
}

/// Tells whether there is nothing in the directories but what a first start leaves.
fn is_blank(settings: &Settings, machine: &Machine) -> Result<bool, Failure> {
    let first = ["snapshot.0", "acceptedEpoch", "currentEpoch"];
    for directory in settings.directories() {
        let data = format!("{directory}/version-2");
        if machine.stat(&data)?.is_none() {
            continue;
        }
        let names = machine.entries(&data)?;
        if names.iter().any(|name| !first.contains(&name.as_str())) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Refuses data that is not this member's.
fn refuse_others(cell: &Cell<Settings>, machine: &Machine, seen: &Seen) -> Result<(), Failure> {
    let (name, id) = (&seen.name, seen.id);
    let directory = &cell.settings().data_dir;
    let number = machine.read_if_any(&member::number(cell.settings()), 4096)?;
    if let Some(number) = number {
        let number = String::from_utf8_lossy(&number).trim().to_owned();
        if number != id.to_string() {
            return Err(Failure::refused(format!(
                "{name} is member {id}, and {directory} is the data of member {}: it would vote in \
                 another's name. Move that data away, or give the machine its number back by \
                 `ordinals`",
                number.escape_debug()
            )));
        }
    }
    if !seen.is_marked && !seen.is_blank {
        let marker = member::marker(cell, machine);
        return Err(Failure::refused(format!(
            "{directory} on {name} holds data that is not known as this ensemble's. Move it away; \
             or, if it is member {id}'s own, say so by `touch {marker}`"
        )));
    }
    if !seen.is_marked && matches!(seen.state, State::Serving(_) | State::Waiting) {
        let port = cell.settings().client_port;
        return Err(Failure::refused(format!(
            "something that cellhost has not set up answers at port {port} of {name}: perhaps \
             another ZooKeeper. Stop it, or choose another `client-port`"
        )));
    }
    Ok(())
}
