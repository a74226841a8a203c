use std::collections::{BTreeMap, HashSet};

use crate::document::Text;
use crate::entry::ModuleEntry;
use crate::problem::Problem;

/// Checks what modules wait for: that it exists, comes no later, and does not wait for them.
pub(crate) fn check_order(entries: &[ModuleEntry<'_>]) {
    let places: BTreeMap<&str, usize> = entries
        .iter()
        .enumerate()
        .map(|(place, entry)| (entry.key.as_str(), place))
        .collect();
    let mut waits: Vec<Vec<(usize, &Text<'_>)>> = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        let known = entry.after.iter().filter_map(|text| {
            let other = find(text, &places)?;
            let usable = check_one(entry, text, place, other, entries.get(other)?);
            usable.then_some((other, text))
        });
        waits.push(known.collect());
    }
    report_cycles(entries, &waits);
}

fn find(text: &Text<'_>, places: &BTreeMap<&str, usize>) -> Option<usize> {
    let found = places.get(text.as_str()).copied();
    if found.is_none() {
        let help = text.suggest(places.keys().copied());
        text.reject(Problem::new(format!("unknown module `{}`", text.as_str())).maybe_help(help));
    }
    found
}

fn check_one(
    entry: &ModuleEntry<'_>,
    text: &Text<'_>,
    place: usize,
    other_place: usize,
    other: &ModuleEntry<'_>,
) -> bool {
    if place == other_place {
        text.reject(Problem::new(format!(
            "module `{}` waits for itself",
            text.as_str()
        )));
        return false;
    }
    let (Some(phase), Some(later)) = (entry.phase, other.phase) else {
        return true;
    };
    if phase < later {
        let message = format!("`{}` runs in a later phase", text.as_str());
        let label = format!("`{later}` comes after `{phase}`");
        let problem = Problem::new(message)
            .label(label)
            .related(other.key.span(), "this one");
        text.reject(problem.help(format!(
            "phases run in order: give both the phase `{later}`"
        )));
    }
    phase >= later
}

/// Reports each cycle once, by walking from module to module until one comes again.
fn report_cycles(entries: &[ModuleEntry<'_>], waits: &[Vec<(usize, &Text<'_>)>]) {
    let stuck = stuck(waits);
    let mut visited = HashSet::new();
    for start in 0..entries.len() {
        let mut walk: Vec<(usize, &Text<'_>)> = Vec::new();
        let mut here = start;
        while stuck.contains(&here) && visited.insert(here) {
            let next = waits
                .get(here)
                .into_iter()
                .flatten()
                .find(|(to, _)| stuck.contains(to));
            let Some((next, text)) = next else { break };
            walk.push((here, text));
            here = *next;
        }
        let Some(begin) = walk.iter().position(|(place, _)| *place == here) else {
            continue;
        };
        report_cycle(entries, walk.get(begin..).unwrap_or_default());
    }
}

fn report_cycle(entries: &[ModuleEntry<'_>], cycle: &[(usize, &Text<'_>)]) {
    let name =
        |(place, _): &(usize, &Text<'_>)| entries.get(*place).map(|entry| entry.key.as_str());
    let names: Vec<&str> = cycle.iter().chain(cycle.first()).filter_map(name).collect();
    let Some(((_, first), rest)) = cycle.split_first() else {
        return;
    };
    let message = format!("these modules wait for each other: {}", names.join(" → "));
    let mut problem = Problem::new(message).help("leave out one of these `after`");
    for (_, text) in rest {
        problem = problem.related(text.span(), "and this");
    }
    first.reject(problem.label("waits for this"));
}

/// Finds the modules that are on a cycle or wait for one that is.
fn stuck(waits: &[Vec<(usize, &Text<'_>)>]) -> HashSet<usize> {
    let mut waiting: Vec<usize> = waits.iter().map(Vec::len).collect();
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); waits.len()];
    for (place, others) in waits.iter().enumerate() {
        for (other, _) in others {
            if let Some(list) = followers.get_mut(*other) {
                list.push(place);
            }
        }
    }
    let mut stuck: HashSet<usize> = (0..waits.len()).collect();
    let mut free: Vec<usize> = waiting
        .iter()
        .enumerate()
        .filter(|(_, count)| **count == 0)
        .map(|(place, _)| place)
        .collect();
    while let Some(place) = free.pop() {
        stuck.remove(&place);
        for follower in followers.get(place).into_iter().flatten() {
            if let Some(count) = waiting.get_mut(*follower) {
                *count -= 1;
                if *count == 0 {
                    free.push(*follower);
                }
            }
        }
    }
    stuck
}
