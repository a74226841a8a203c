use std::collections::BTreeMap;

use crate::cycle::cycles;
use crate::document::Text;
use crate::entry::ModuleEntry;
use crate::phases::Phases;
use crate::problem::Problem;

/// Checks what modules wait for: that it exists, comes no later, and does not wait for them.
pub(crate) fn check_order(entries: &[ModuleEntry<'_>], phases: &Phases) {
    let places: BTreeMap<&str, usize> = entries
        .iter()
        .enumerate()
        .map(|(place, entry)| (entry.key.as_str(), place))
        .collect();
    let mut waits: Vec<Vec<(usize, &Text<'_>)>> = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        let known = entry.after.iter().filter_map(|text| {
            let other = find(text, &places)?;
            let usable = other != place || {
                let message = format!("module `{}` waits for itself", text.as_str());
                text.reject(Problem::new(message));
                false
            };
            let fits = usable && check_phases(entry, text, entries.get(other)?, phases);
            fits.then_some((other, text))
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

/// Tells whether the other may run before this one, as far as the plan gives both a phase.
fn check_phases(
    entry: &ModuleEntry<'_>,
    text: &Text<'_>,
    other: &ModuleEntry<'_>,
    phases: &Phases,
) -> bool {
    let (Some(phase), Some(later)) = (&entry.phase, &other.phase) else {
        return true;
    };
    let fits = phases.place(phase.as_str()) >= phases.place(later.as_str());
    if !fits {
        let message = format!("`{}` runs in a later phase", text.as_str());
        let label = format!("`{later}` comes after `{phase}`");
        let problem = Problem::new(message)
            .label(label)
            .related(other.key.span(), "this one");
        text.reject(problem.help(format!(
            "phases run in order: give both the phase `{later}`"
        )));
    }
    fits
}

/// Reports every circle of waiting with all of its places.
fn report_cycles(entries: &[ModuleEntry<'_>], waits: &[Vec<(usize, &Text<'_>)>]) {
    let others = |list: &Vec<(usize, _)>| list.iter().map(|(other, _)| *other).collect();
    let arrows: Vec<Vec<usize>> = waits.iter().map(others).collect();
    for circle in cycles(&arrows) {
        report_cycle(entries, waits, &circle);
    }
}

fn report_cycle(entries: &[ModuleEntry<'_>], waits: &[Vec<(usize, &Text<'_>)>], circle: &[usize]) {
    let name = |place: &usize| entries.get(*place).map_or("", |entry| entry.key.as_str());
    let ends = circle.iter().cycle().skip(1);
    let mut arrows = circle.iter().zip(ends).filter_map(|(from, to)| {
        let (_, text) = waits.get(*from)?.iter().find(|(other, _)| other == to)?;
        Some((*text, format!("`{}` waits for `{}`", name(from), name(to))))
    });
    let Some((first, label)) = arrows.next() else {
        return;
    };
    let names: Vec<&str> = circle.iter().chain(circle.first()).map(name).collect();
    let message = format!("modules wait for each other: {}", names.join(" → "));
    let mut problem = Problem::new(message)
        .label(label)
        .help("leave out one of these `after`");
    for (text, label) in arrows {
        problem = problem.related(text.span(), label);
    }
    first.reject(problem);
}

/// Checks that the ensemble a barrier waits for is a module of the plan.
pub(crate) fn check_ensemble(ensemble: Option<&Text<'_>>, entries: &[ModuleEntry<'_>]) {
    let names = || entries.iter().map(|entry| entry.key.as_str());
    if let Some(text) = ensemble
        && !names().any(|name| name == text.as_str())
    {
        let known: Vec<&str> = names().collect();
        let help = text.suggest(known);
        text.reject(Problem::new(format!("unknown module `{}`", text.as_str())).maybe_help(help));
    }
}
