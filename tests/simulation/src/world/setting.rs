//! What machines of the simulation have and can do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use cellhost_transport::{Answer, DialOutcome, Package, SimulatedMachine, State};

use super::Quorums;
use crate::shape::Shape;

/// The services that are servers of quorums.
pub(super) const SERVERS: [&str; 2] = ["quorum", "council"];
/// The service that needs the first of them.
const WORKER: &str = "worker";

/// What is known of a service before and after a request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    pub(super) running: bool,
    pub(super) starts: u32,
}

/// The services of a machine that anybody cares about.
pub(super) type Services = BTreeMap<String, Known>;

/// What a service reads when it starts.
pub(super) fn configuration(service: &str) -> String {
    format!("/etc/{service}/{service}.conf")
}

/// Puts into a fresh machine what its distribution offers.
pub(super) fn furnish(state: &mut State) {
    for server in SERVERS {
        let package = Package::new("3.8").with_user(server).with_service(server);
        state.offer(&format!("{server}-server"), package);
    }
    state.offer("worker", Package::new("1.0").with_service(WORKER));
}

/// How services stand.
pub(super) fn services(state: &State) -> Services {
    let known = |name: &str| {
        let service = state.services.get(name)?;
        let known = Known {
            running: service.running,
            starts: service.starts,
        };
        Some((name.to_owned(), known))
    };
    let names = SERVERS.into_iter().chain([WORKER]);
    names.filter_map(known).collect()
}

/// Teaches a machine what its programs and ports answer.
pub(super) fn behave(
    machine: &SimulatedMachine,
    shape: &Arc<Shape>,
    quorums: &Arc<Mutex<Quorums>>,
) {
    machine.answer(&["worker-job", "*", "*"], |state, command| {
        match command.argv.as_slice() {
            [_, verb, name] => job(state, verb, name),
            _ => Answer::from(2),
        }
    });
    for quorum in &shape.quorums {
        let (own, shape, quorums) = (machine.name().clone(), shape.clone(), quorums.clone());
        let service = quorum.service;
        machine.listen(quorum.port, move |_, dial| {
            let target = match dial.address.as_str() {
                "127.0.0.1" | "localhost" | "::1" => Some(&own),
                address => shape.addresses.get(address),
            };
            let mut quorums = quorums.lock().unwrap_or_else(PoisonError::into_inner);
            let ensemble = quorums.named(service);
            let words = ensemble.and_then(|ensemble| ensemble.answer(target?));
            match words {
                Some(words) => DialOutcome::Bytes(words.into_bytes()),
                None => DialOutcome::Refused,
            }
        });
    }
}

/// Whether a command only looks.
pub(super) fn looks(argv: &[String]) -> bool {
    argv.get(1).is_some_and(|verb| verb == "done")
}

/// Whether a job was done.
pub(super) fn is_done(state: &State, argv: &[String]) -> bool {
    let name = argv.last().map_or("", String::as_str);
    state.text(&format!("/var/lib/jobs/{name}")).is_some()
}

/// A program that does things and tells nobody: who asks it twice to add or draw gets it twice.
fn job(state: &mut State, verb: &str, name: &str) -> Answer {
    let path = format!("/var/lib/jobs/{name}");
    let before = state.text(&path).map(str::to_owned);
    match verb {
        "done" => Answer::from(i32::from(before.is_none())),
        _ if state.full => Answer {
            status: 1,
            output: Vec::new(),
            errors: b"worker-job: No space left on device\n".to_vec(),
        },
        "put" => {
            state.write(&path, "done\n");
            Answer::from("")
        }
        "add" | "draw" => {
            state.write(&path, format!("{}{verb}\n", before.unwrap_or_default()));
            Answer::from("")
        }
        _ => Answer::from(2),
    }
}
