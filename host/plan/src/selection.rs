use std::collections::BTreeSet;

use crate::document::Text;
use crate::group::unknown_machine;
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
                let problem = Problem::new(format!("`{}` selects no machine", text.as_str()));
                text.reject(problem.label("no machine meets all of this"));
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

fn machines(names: &str, text: &Text<'_>, inventory: &Inventory) -> Result<Vec<bool>, Problem> {
    let mut meets = vec![false; inventory.machines.len()];
    for name in crate::definition::machine_names(names)? {
        let Some(place) = inventory.place(name.as_str()) else {
            return Err(or_a_label(
                unknown_machine(name.as_str(), text, inventory),
                names,
                inventory,
            ));
        };
        if let Some(meets) = meets.get_mut(place) {
            *meets = true;
        }
    }
    Ok(meets)
}

/// A bare word is a machine; whoever wrote one may have meant a role or a group.
fn or_a_label(problem: Problem, word: &str, inventory: &Inventory) -> Problem {
    if inventory
        .machines
        .iter()
        .any(|machine| machine.roles.contains(word))
    {
        return problem.help(format!("there is a role of that name: write `role:{word}`"));
    }
    if inventory.groups.contains_key(word) {
        return problem.help(format!(
            "there is a group of that name: write `group:{word}`"
        ));
    }
    problem
}

fn unknown(condition: &Condition, text: &Text<'_>, inventory: &Inventory) -> Problem {
    let machines = inventory.machines.iter();
    let (kind, word, known): (_, _, BTreeSet<&str>) = match condition {
        Condition::Role(role) => {
            let roles = machines
                .flat_map(|machine| &machine.roles)
                .map(String::as_str);
            ("role", role, roles.collect())
        }
        Condition::Zone(zone) => (
            "zone",
            zone,
            machines
                .filter_map(|machine| machine.zone.as_deref())
                .collect(),
        ),
        Condition::Group(group) => (
            "group",
            group,
            inventory.groups.keys().map(String::as_str).collect(),
        ),
        Condition::Tag(key, Some(value))
            if machines.clone().any(|one| one.tags.contains_key(key)) =>
        {
            let values = machines
                .filter_map(|machine| machine.tags.get(key))
                .map(String::as_str);
            ("value of the tag", value, values.collect())
        }
        Condition::Tag(key, _) => {
            let keys = machines
                .flat_map(|machine| machine.tags.keys())
                .map(String::as_str);
            ("tag", key, keys.collect())
        }
        Condition::All | Condition::Machines(_) => return Problem::new("there are no machines"),
    };
    let help = text.report().suggest(word, known.iter().copied());
    let problem = Problem::new(format!("no machine has the {kind} `{word}`")).maybe_help(help);
    match kind {
        "group" => Problem {
            message: format!("unknown group `{word}`"),
            ..problem
        },
        _ => problem,
    }
}
