use cellhost_sdk::prelude::*;

use crate::configuration;
use crate::instance::tell;
use crate::memory;
use crate::nodes::{self, Node};
use crate::placement::Planned;
use crate::seen::Seen;
use crate::settings::Settings;

/// The questions whose answers make a [`Seen`].
const QUESTIONS: [&[&str]; 3] = [
    &["CLUSTER", "NODES"],
    &["CLUSTER", "INFO"],
    &["INFO", "replication", "keyspace"],
];

/// What a dry run, which has held back changes on a machine, assumes that a program there says: what the
/// program would look at, or what an instance has kept and will say, is read instead.
pub(crate) const ASSUMED: &str = "assumed";
const PATIENCE: u32 = 60;
const LONGEST: u32 = 1 << 20;

/// Names all instances of these machines.
pub(crate) fn everybody<'a>(
    settings: &Settings,
    members: &'a [Machine],
) -> Vec<(&'a Machine, u16)> {
    let of = |member| settings.ports().map(|port| (member, port));
    members.iter().flat_map(of).collect()
}

/// Asks instances how they are, all at once; an error for each that has no good answer.
pub(crate) fn ask(
    settings: &Settings,
    whom: &[(&Machine, u16)],
    assumed: &dyn Fn(usize) -> Option<String>,
) -> Vec<Result<Seen, Failure>> {
    let mut checks = Vec::new();
    for (place, &(machine, port)) in whom.iter().enumerate() {
        for (question, words) in QUESTIONS.iter().enumerate() {
            let check = Check::of(machine, tell(settings, port, words));
            checks.push(match (assumed(place), question) {
                (Some(nodes), 0) => check.assuming(Answer::assumed(nodes)),
                (Some(_), _) => check.assuming(Answer::assumed("")),
                (None, _) => check.assuming(Answer::assumed(ASSUMED)),
            });
        }
    }
    let mut answers = probe_all(checks).into_iter();
    whom.iter()
        .map(|&(machine, port)| {
            let answers: Vec<_> = answers.by_ref().take(QUESTIONS.len()).collect();
            understand(machine, port, answers)
        })
        .collect()
}

/// Asks all instances of a cluster, and gives those time that are not up yet.
pub(crate) fn at_all(
    settings: &Settings,
    whom: &[(&Machine, u16)],
    planned: &[Planned],
) -> Result<Vec<Seen>, Failure> {
    let first = ask(settings, whom, &|_| None);
    if first.iter().all(Result::is_ok) {
        return first.into_iter().collect();
    }
    for ((&(machine, port), answer), planned) in whom.iter().zip(&first).zip(planned) {
        if answer.is_err() {
            tell(settings, port, &["PING"])
                .wait(machine, &Sign::output("PONG"), PATIENCE)
                .map_err(|failure| failure.about(&planned.name))?;
        }
    }
    // In a dry run they are still not up. Then the answer is what they would say if they came back
    // as the others know them. Who has answered does not have to be guessed at.
    let heard: Vec<Option<&Seen>> = first.iter().map(|answer| answer.as_ref().ok()).collect();
    let second = ask(settings, whom, &|place| match heard.get(place) {
        Some(None) => memory::of(place, planned, &heard),
        _ => None,
    });
    second
        .into_iter()
        .zip(planned)
        .map(|(answer, planned)| answer.map_err(|failure| failure.about(&planned.name)))
        .collect()
}

/// Reads what an instance keeps of itself and the others; none where it keeps nothing.
pub(crate) fn on_disk(machine: &Machine, port: u16) -> Result<Option<Vec<Node>>, Failure> {
    let kept = machine.read_if_any(&configuration::identity(port), LONGEST)?;
    Ok(kept.and_then(|kept| nodes::parse(&String::from_utf8_lossy(&kept))))
}

fn understand(
    machine: &Machine,
    port: u16,
    answers: Vec<Result<Answer, Failure>>,
) -> Result<Seen, Failure> {
    let mut texts = Vec::new();
    for answer in answers {
        let answer = answer?;
        if !answer.is_success() {
            return Err(Failure::failed(answer.complaint()));
        }
        texts.push(answer.text());
    }
    let [nodes, cluster, information] = texts.as_slice() else {
        return Err(Failure::failed("an answer is missing"));
    };
    if nodes == ASSUMED {
        return kept(machine, port);
    }
    nodes::parse(nodes)
        .and_then(|nodes| Seen::new(nodes, cluster, information))
        .ok_or_else(|| Failure::failed(format!("cannot understand `{nodes}`")))
}

/// Makes up an instance that is as it was, and well.
fn kept(machine: &Machine, port: u16) -> Result<Seen, Failure> {
    let nodes = on_disk(machine, port)?;
    let seen =
        nodes.and_then(|nodes| Seen::new(nodes, "cluster_state:ok", "master_link_status:up"));
    let mut seen = seen.ok_or_else(|| Failure::failed("it has kept nothing"))?;
    // Whoever serves slots may have keys, and is not to be taken for one without.
    seen.keys = u64::from(seen.is_holder());
    Ok(seen)
}
