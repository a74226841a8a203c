//! An instance whose data is gone, and who has a copy of it.
//!
//! It would start empty at its old address, and Redis would have its replica copy that.

use std::collections::BTreeSet;

use cellhost_sdk::log;
use cellhost_sdk::prelude::*;

use crate::handover;
use crate::instance::tell;
use crate::look;
use crate::member;
use crate::nodes::Node;
use crate::seen::Seen;
use crate::settings::Settings;

/// The seconds that one with a copy may take to answer: it may have much to read.
const PATIENCE: u32 = 60;

/// What one instance knows of all.
struct View {
    /// Its place among those that were asked.
    at: usize,
    /// Whether it says so itself; otherwise it stands on its disk, and may be old.
    is_told: bool,
    nodes: Vec<Node>,
}

/// What is left of the data that an instance had.
#[derive(Debug, PartialEq, Eq)]
enum Copy<'a> {
    /// Nobody is known to follow it: it had none, or another serves it by now.
    None,
    /// The instance in this place follows it, and answers.
    At(usize),
    /// This one follows it, and does not answer.
    Silent(&'a Node),
}

/// Lets whoever has a copy take over from this machine's instances at these ports, whose data is
/// gone. Refuses where there is a copy and it cannot be had.
pub(crate) fn save(cell: &Cell<Settings>, machine: &Machine, ports: &[u16]) -> Result<(), Failure> {
    if ports.is_empty() {
        return Ok(());
    }
    let settings = cell.settings();
    let members = cell.members();
    let whom = look::everybody(settings, &members);
    for port in ports {
        let name = format!("{}:{port}", machine.name());
        let address = format!("{}:{port}", machine.address());
        let mut known = views(settings, &whom)?;
        if copy(&known, &address) == Copy::None {
            continue;
        }
        if call(settings, &whom, &known, &missed(&known, &address)) {
            // Until those that have just started are in touch with each other, and can vote.
            machine.pause(1)?;
            known = views(settings, &whom)?;
        }
        match copy(&known, &address) {
            Copy::None => {}
            Copy::Silent(one) => return Err(refusal(&name, one, &known)),
            Copy::At(at) => {
                if let Some(&(heir, heir_port)) = whom.get(at) {
                    log::warn(&format!("{name} has lost its data"));
                    handover::inherit(settings, heir, heir_port)?;
                }
            }
        }
    }
    Ok(())
}

/// Looks at what all know: those that answer by their word, the others by what is on their disks.
/// Fails where nobody answers and a disk cannot be looked at.
fn views(settings: &Settings, whom: &[(&Machine, u16)]) -> Result<Vec<View>, Failure> {
    let answers = look::ask(settings, whom, &|_| None);
    let mut views = Vec::new();
    let mut blind = None;
    for (at, (&(machine, port), answer)) in whom.iter().zip(&answers).enumerate() {
        let nodes = match answer {
            Ok(seen) => Some(told(seen, &format!("{}:{port}", machine.address()))),
            Err(_) => match look::on_disk(machine, port) {
                Ok(kept) => kept,
                Err(failure) => {
                    blind = Some(failure);
                    None
                }
            },
        };
        views.extend(nodes.map(|nodes| View {
            at,
            is_told: answer.is_ok(),
            nodes,
        }));
    }
    match blind {
        Some(failure) if answers.iter().all(Result::is_err) => Err(failure),
        _ => Ok(views),
    }
}

fn told(seen: &Seen, address: &str) -> Vec<Node> {
    let itself = Node {
        is_myself: true,
        ..seen.as_node(address)
    };
    seen.peers.iter().cloned().chain([itself]).collect()
}

/// Names those that answer, each with its place.
fn answering(views: &[View]) -> impl Iterator<Item = (usize, &Node)> {
    let told = views.iter().filter(|view| view.is_told);
    told.filter_map(|view| Some((view.at, view.nodes.iter().find(|node| node.is_myself)?)))
}

/// Finds who has what the instance at an address had. Whoever answers is believed about itself.
fn copy<'a>(views: &'a [View], address: &str) -> Copy<'a> {
    let nodes = || views.iter().flat_map(|view| &view.nodes);
    let there = nodes().filter(|node| node.address == address);
    let ids: BTreeSet<&str> = there.map(|node| node.id.as_str()).collect();
    let follows = |node: &Node| node.master.as_deref().is_some_and(|id| ids.contains(id));
    // It still has in its memory what it had on its disk.
    if answering(views).any(|(_, one)| one.address == address) {
        return Copy::None;
    }
    if let Some((at, _)) = answering(views).find(|(_, one)| follows(one)) {
        return Copy::At(at);
    }
    let is_silent = |node: &Node| {
        answering(views).all(|(_, one)| one.id != node.id && one.address != node.address)
    };
    let silent = nodes().find(|node| follows(node) && is_silent(node));
    silent.map_or(Copy::None, Copy::Silent)
}

/// Names those that do not answer, beside the one that is lost, and that its copy cannot do without:
/// itself, and the masters, whose votes it needs.
fn missed<'a>(views: &'a [View], address: &str) -> BTreeSet<&'a str> {
    let silent = match copy(views, address) {
        Copy::Silent(one) => Some(one.address.as_str()),
        _ => None,
    };
    let told = answering(views).map(|(_, node)| node.address.as_str());
    let told: BTreeSet<&str> = told.collect();
    let nodes = views.iter().flat_map(|view| &view.nodes);
    let masters = nodes.filter(|node| node.master.is_none() && !node.slots.is_empty());
    let masters = masters.map(|node| node.address.as_str());
    let all = masters.chain(silent);
    all.filter(|one| *one != address && !told.contains(one))
        .collect()
}

/// Starts those of these that have their data, and gives them time to answer; the others are left to
/// their own turns. Tells whether there were any.
fn call(
    settings: &Settings,
    whom: &[(&Machine, u16)],
    known: &[View],
    missed: &BTreeSet<&str>,
) -> bool {
    let mut begun = Vec::new();
    for (at, &(machine, port)) in whom.iter().enumerate() {
        let is_missed = missed.contains(format!("{}:{port}", machine.address()).as_str());
        if !is_missed || known.iter().all(|view| view.at != at) {
            continue;
        }
        let name = format!("{}:{port}", machine.name());
        log::doing(&format!("starting {name}"));
        match member::start(settings, machine, port) {
            Ok(()) => begun.push((machine, port, name)),
            // It may be one that is not needed: what is known in the end decides.
            Err(failure) => log::warn(&format!("{name} cannot be started: {}", failure.message())),
        }
    }
    for (machine, port, name) in &begun {
        log::doing(&format!("waiting for {name}"));
        let ping = tell(settings, *port, &["PING"]);
        let _ = ping.wait(machine, &Sign::output("PONG"), PATIENCE);
    }
    !begun.is_empty()
}

fn refusal(name: &str, copy: &Node, views: &[View]) -> Failure {
    let other = answering(views).next();
    let other = other.map_or("ADDRESS:PORT", |(_, one)| one.address.as_str());
    Failure::refused(format!(
        "{name} has lost its data, and {address}, which has a copy, does not answer: if {name} \
         started empty now, that copy would be emptied after it. Bring {address} back first; or, \
         where its data is gone as well, let the others forget it by `redis-cli --cluster call \
         {other} CLUSTER FORGET {id}`, and run again",
        address = copy.address,
        id = copy.id,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes;

    const LOST: &str = "10.0.0.2:7000";

    /// What the instance with this id knows, which says so itself or has it on its disk.
    fn view(at: usize, own: &str, is_told: bool, nodes: &[&str]) -> View {
        let lines = nodes.iter().map(|line| {
            let flag = if line.starts_with(own) { "myself," } else { "" };
            let (begin, flags) = line.split_once(' ').unwrap();
            let (address, flags) = flags.split_once(' ').unwrap();
            format!("{begin} {address} {flag}{flags}")
        });
        let kept = "vars currentEpoch 6 lastVoteEpoch 0".to_owned();
        let text: Vec<String> = lines.chain([kept]).collect();
        View {
            at,
            is_told,
            nodes: nodes::parse(&text.join("\n")).unwrap(),
        }
    }

    const FIRST: &str = "a1 10.0.0.1:7000@17000 master - 0 0 1 connected 0-8000";
    const OLD: &str = "a2 10.0.0.2:7000@17000 master - 0 0 2 connected 8001-16383";
    const HEIR: &str = "b2 10.0.0.3:7001@17001 slave a2 0 0 2 connected";
    const ALL: [&str; 3] = [FIRST, OLD, HEIR];

    #[test]
    fn a_copy_cannot_do_without_itself_and_the_votes_of_the_masters() {
        let disks = [view(0, "a1", false, &ALL), view(5, "b2", false, &ALL)];
        let both = BTreeSet::from(["10.0.0.1:7000", "10.0.0.3:7001"]);
        assert_eq!(missed(&disks, LOST), both);
        let up = [view(0, "a1", true, &ALL), view(5, "b2", true, &ALL)];
        assert_eq!(missed(&up, LOST), BTreeSet::new());
    }

    #[test]
    fn a_replica_that_answers_is_who_has_it() {
        let views = [view(0, "a1", true, &ALL), view(5, "b2", true, &ALL)];
        assert_eq!(copy(&views, LOST), Copy::At(5));
    }

    #[test]
    fn what_a_disk_says_is_enough_to_know_of_a_copy() {
        let views = [view(5, "b2", false, &ALL)];
        let Copy::Silent(one) = copy(&views, LOST) else {
            panic!("nobody has it");
        };
        assert_eq!(one.address, "10.0.0.3:7001");
        let words = refusal("m2:7000", one, &views).message().to_owned();
        assert!(
            words.starts_with(
                "m2:7000 has lost its data, and 10.0.0.3:7001, which has a copy, does not answer"
            ),
            "{words}"
        );
        assert!(
            words.contains("call ADDRESS:PORT CLUSTER FORGET b2`"),
            "{words}"
        );
    }

    #[test]
    fn a_replica_that_others_know_of_and_that_does_not_answer_has_it_still() {
        let views = [view(0, "a1", true, &ALL)];
        assert!(matches!(copy(&views, LOST), Copy::Silent(_)));
    }

    #[test]
    fn one_that_took_over_serves_it_whatever_others_remember() {
        let serves = "b2 10.0.0.3:7001@17001 master - 0 0 3 connected 8001-16383";
        let follows = "a2 10.0.0.2:7000@17000 slave,fail b2 0 0 3 disconnected";
        let views = [
            view(0, "a1", false, &ALL),
            view(5, "b2", true, &[FIRST, follows, serves]),
        ];
        assert_eq!(copy(&views, LOST), Copy::None);
    }

    #[test]
    fn a_replica_that_came_back_empty_has_nothing() {
        let fresh = "c2 10.0.0.3:7001@17001 master - 0 0 0 connected";
        let views = [view(0, "a1", true, &ALL), view(5, "c2", true, &[fresh])];
        assert_eq!(copy(&views, LOST), Copy::None);
    }

    #[test]
    fn one_that_still_runs_without_its_disk_needs_nobody() {
        let views = [view(1, "a2", true, &ALL), view(5, "b2", true, &ALL)];
        assert_eq!(copy(&views, LOST), Copy::None);
    }

    #[test]
    fn an_instance_that_nobody_knows_had_nothing() {
        let views = [view(0, "a1", true, &ALL)];
        assert_eq!(copy(&views, "10.0.0.4:7000"), Copy::None);
        assert_eq!(copy(&[], LOST), Copy::None);
    }
}
