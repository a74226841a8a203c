use std::collections::BTreeSet;

use crate::definition::machine_names;
use crate::document::Text;
use crate::group::unknown_machines;
use crate::inventory::Inventory;
use crate::machine::Machine;
use crate::problem::Problem;
use crate::selector::{Condition, Selector};

/// Finds the machines, by place, that at least one of some selectors selects.
pub(crate) fn select(selectors: &[Text<'_>], inventory: &Inventory) -> Vec<usize> {
    let mut selected = BTreeSet::new();
    for text in selectors {
        if let Some(places) = text
            .parse(Selector::parse)
            .and_then(|it| one(&it, text, inventory))
        {
            if places.is_empty() && !inventory.incomplete {
                let why = match inventory.machines.len() {
                    0 => "this plan has no machines",
                    _ => "no machine meets all of this",
                };
                let problem = Problem::new(format!("`{}` selects no machine", text.as_str()));
                text.reject(problem.label(why));
            }
            selected.extend(places);
        }
    }
    selected.into_iter().collect()
}

/// Nothing when a name in it is unknown, which has been reported then.
fn one(selector: &Selector, text: &Text<'_>, inventory: &Inventory) -> Option<Vec<usize>> {
    let mut chosen = vec![true; inventory.machines.len()];
    let mut known = true;
    for term in &selector.terms {
        match meeting(&term.condition, text, inventory) {
            Ok(meets) => {
                let both = chosen.iter_mut().zip(meets);
                both.for_each(|(chosen, meets)| *chosen &= meets != term.negated);
            }
            Err(problem) => {
                known = false;
                if !inventory.incomplete {
                    text.reject(problem.within(term.within.clone()));
                }
            }
        }
    }
    let places = chosen.into_iter().enumerate().filter(|(_, chosen)| *chosen);
    known.then(|| places.map(|(place, _)| place).collect())
}

/// Tells for every machine whether it meets a condition.
fn meeting(
    condition: &Condition,
    text: &Text<'_>,
    inventory: &Inventory,
) -> Result<Vec<bool>, Problem> {
    let each = |meets: &dyn Fn(&Machine) -> bool| -> Vec<bool> {
        inventory.machines.iter().map(meets).collect()
    };
    let meets = match condition {
        Condition::All => return Ok(each(&|_| true)),
        Condition::Machines(names) => return machines(names, text, inventory),
        Condition::Role(role) => each(&|machine| machine.roles.contains(role)),
        Condition::Zone(zone) => each(&|machine| machine.zone.as_ref() == Some(zone)),
        Condition::Group(group) => each(&|machine| machine.groups.contains(group)),
        Condition::Tag(key, None) => each(&|machine| machine.tags.contains_key(key)),
        Condition::Tag(key, value) => each(&|machine| machine.tags.get(key) == value.as_ref()),
    };
    let exists = match condition {
        Condition::Group(group) => inventory.groups.contains_key(group),
        _ => meets.contains(&true),
    };
    if exists {
        Ok(meets)
    } else {
        Err(unknown(condition, text, inventory))
    }
}

fn machines(word: &str, text: &Text<'_>, inventory: &Inventory) -> Result<Vec<bool>, Problem> {
    let names = machine_names(word)?;
    if let Some(problem) = unknown_machines(&names, text, inventory) {
        return Err(problem.maybe_help(same_word(word, inventory)));
    }
    let mut meets = vec![false; inventory.machines.len()];
    for name in &names {
        if let Some(meets) = inventory
            .place(name.as_str())
            .and_then(|place| meets.get_mut(place))
        {
            *meets = true;
        }
    }
    Ok(meets)
}

/// Finds a role or a group of a name: whoever wrote one kind may have meant another.
fn same_word(word: &str, inventory: &Inventory) -> Option<String> {
    let kind = if inventory
        .machines
        .iter()
        .any(|machine| machine.roles.contains(word))
    {
        "role"
    } else if inventory.groups.contains_key(word) {
        "group"
    } else {
        return None;
    };
    Some(format!(
        "there is a {kind} of that name: write `{kind}:{word}`"
    ))
}

/// Words that no machine meets a condition, which most often is a slip of the pen.
fn unknown(condition: &Condition, text: &Text<'_>, inventory: &Inventory) -> Problem {
    let suggest = |word: &str, known: BTreeSet<&str>| {
        let help = text.report().suggest(word, known.iter().copied());
        same_word(word, inventory).or(help)
    };
    let machines = inventory.machines.iter();
    match condition {
        Condition::Role(role) => {
            let roles = machines
                .flat_map(|machine| &machine.roles)
                .map(String::as_str);
            Problem::new(format!("no machine has the role `{role}`"))
                .maybe_help(suggest(role, roles.collect()))
        }
        Condition::Zone(zone) => {
            let zones = machines.filter_map(|machine| machine.zone.as_deref());
            Problem::new(format!("no machine is in the zone `{zone}`"))
                .maybe_help(suggest(zone, zones.collect()))
        }
        Condition::Group(group) => {
            let groups = inventory.groups.keys().map(String::as_str);
            Problem::new(format!("unknown group `{group}`"))
                .maybe_help(suggest(group, groups.collect()))
        }
        Condition::Tag(key, value) => unknown_tag(key, value.as_deref(), suggest, inventory),
        Condition::All | Condition::Machines(_) => Problem::new("this plan has no machines"),
    }
}

fn unknown_tag(
    key: &str,
    value: Option<&str>,
    suggest: impl Fn(&str, BTreeSet<&str>) -> Option<String>,
    inventory: &Inventory,
) -> Problem {
    let machines = inventory.machines.iter();
    let values: BTreeSet<&str> = machines
        .clone()
        .filter_map(|machine| machine.tags.get(key))
        .map(String::as_str)
        .collect();
    match value {
        Some(value) if !values.is_empty() => Problem::new(format!(
            "no machine has the tag `{key}` with the value `{value}`"
        ))
        .maybe_help(suggest(value, values)),
        _ => {
            let keys = machines
                .flat_map(|machine| machine.tags.keys())
                .map(String::as_str);
            Problem::new(format!("no machine has the tag `{key}`"))
                .maybe_help(suggest(key, keys.collect()))
        }
    }
}
