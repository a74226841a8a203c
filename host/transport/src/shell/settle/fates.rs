//! What became of each task, read from the marks of the steps.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::Step;
use crate::resources::path::Content;
use crate::shell::answer::{Misread, Sections};
use crate::shell::script::number;
use crate::shell::words::tail;
use crate::{Fate, Settled, Trouble};

/// Reads the fates of the tasks, in order.
pub(super) fn read(
    steps: &[Step],
    mut output: Sections,
    mut errors: Sections,
) -> Result<Settled, Misread> {
    let mut fates: Vec<Fate> = Vec::new();
    // Of steps that are not all of their task.
    let mut partly: BTreeMap<usize, Fate> = BTreeMap::new();
    for (place, step) in steps.iter().enumerate() {
        let mut before = None;
        if let Step::First { hash: Some(hash) } = step
            && output.next_is(&format!("before {place}"))
        {
            before = replaced(output.any()?.data, hash);
        }
        let fate = match told(place, step, &mut errors)? {
            Told::Done => Fate::Done(before),
            Told::Failed(words) => Fate::Failed(Trouble::new(said(&words))),
            Told::Stopped(by) => match partly.get(&by) {
                Some(fate) => fate.clone(),
                None => stopped(steps, by)?,
            },
        };
        match (step, fate) {
            (Step::First { .. } | Step::Joint, fate) => drop(partly.insert(place, fate)),
            (Step::Last { first, .. }, Fate::Done(_)) => {
                let fate = partly.remove(first);
                fates.push(fate.ok_or_else(|| Misread::new("the second half of nothing"))?);
            }
            (Step::Task { .. } | Step::Last { .. }, fate) => fates.push(fate),
            (Step::Flush, Fate::Failed(trouble)) => {
                // It is not sure that what was done last is there for good.
                let mut latest = fates.iter_mut().rev();
                if let Some(last) = latest.find(|fate| matches!(fate, Fate::Done(_))) {
                    *last = Fate::Failed(trouble);
                }
            }
            (Step::Together | Step::Flush, _) => {}
        }
    }
    output.take("end ok")?;
    errors.take("end")?;
    Ok(Settled { fates })
}

/// What the machine tells of a step.
enum Told {
    Done,
    Failed(Vec<u8>),
    Stopped(usize),
}

/// Takes what is told of a step, where anything is.
fn told(place: usize, step: &Step, errors: &mut Sections) -> Result<Told, Misread> {
    let mark = errors.next_mark().unwrap_or_default().to_owned();
    let mut words = mark.split(' ');
    let word = words.next().unwrap_or_default();
    let mut numbers = words.map(number);
    if numbers.next() != Some(Some(place)) {
        return if step.may_be_quiet() {
            Ok(Told::Done)
        } else {
            Err(Misread::new("nothing about a step"))
        };
    }
    let said = errors.any()?.data;
    match (word, numbers.next().flatten()) {
        ("done", None) => Ok(Told::Done),
        ("failed", None) => Ok(Told::Failed(said)),
        ("stopped", Some(by)) => Ok(Told::Stopped(by)),
        _ => Err(Misread::new("an unknown mark")),
    }
}

/// The fate of a task that needs this step.
fn stopped(steps: &[Step], by: usize) -> Result<Fate, Misread> {
    let earlier = steps.get(..=by).unwrap_or_default().iter().rev();
    let place = earlier.into_iter().find_map(Step::task);
    let place = place.ok_or_else(|| Misread::new("a step that there is not"))?;
    Ok(Fate::Stopped(place))
}

/// What was replaced, where it is what was looked at.
fn replaced(bytes: Vec<u8>, hash: &str) -> Option<Content> {
    let same = format!("{:x}", Sha256::digest(&bytes)) == hash;
    same.then_some(Content(bytes))
}

fn said(words: &[u8]) -> String {
    let words = tail(words);
    if words.is_empty() {
        "the machine gave no reason".to_owned()
    } else {
        words
    }
}
