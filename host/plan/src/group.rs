use std::collections::{HashMap, HashSet};

use crate::attributes::Attributes;
use crate::definition::machine_names;
use crate::document::{Report, Text, Value};
use crate::inventory::Inventory;
use crate::machine::Machine;
use crate::name::{MachineName, check_label};
use crate::problem::Problem;
use crate::source::Span;

/// One entry of `[groups]`: some machines and what it gives them.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    name: Text<'a>,
    members: Vec<usize>,
    attributes: Attributes,
}

impl<'a> Group<'a> {
    pub(crate) fn read_all(groups: Option<Value<'a>>, inventory: &Inventory) -> Vec<Self> {
        let entries = groups
            .and_then(|value| value.table())
            .map(|table| table.entries());
        let entries = entries.unwrap_or_default().into_iter();
        entries
            .filter_map(|(key, value)| Self::read(key, &value, inventory))
            .collect()
    }

    fn read(name: Text<'a>, value: &Value<'a>, inventory: &Inventory) -> Option<Self> {
        let valid = name.parse(|text| check_label("group name", text));
        let mut table = value.table()?;
        let listed = table
            .require("machines", "[\"…\"]")
            .and_then(|value| value.texts());
        let attributes = Attributes::read(&mut table);
        table.finish();
        let mut members = Vec::new();
        for text in listed.iter().flatten() {
            members.extend(machines_named(text, inventory).unwrap_or_default());
        }
        let mut seen = HashSet::new();
        members.retain(|member| seen.insert(*member));
        if listed.is_some_and(|listed| listed.is_empty()) {
            let problem = Problem::new(format!("group `{}` is empty", name.as_str()));
            name.report().warning(name.span(), name.path(), problem);
        }
        valid.map(|()| Self {
            name,
            members,
            attributes,
        })
    }

    /// Gives the members what the group says; what a machine says itself wins.
    pub(crate) fn apply(self, inventory: &mut Inventory, gifts: &mut Gifts<'_>) {
        for member in &self.members {
            if let Some(machine) = inventory.machines.get_mut(*member) {
                gifts.give(&self, *member, machine);
            }
        }
        inventory
            .groups
            .insert(self.name.as_str().to_owned(), self.members);
    }
}

/// What groups have given so far, to find two that give different things to one machine.
#[derive(Debug)]
pub(crate) struct Gifts<'r> {
    report: &'r Report,
    given: HashMap<String, HashMap<usize, Span>>,
    reported: HashSet<(String, Span, Span)>,
}

impl<'r> Gifts<'r> {
    pub(crate) fn new(report: &'r Report) -> Self {
        Self {
            report,
            given: HashMap::new(),
            reported: HashSet::new(),
        }
    }

    fn give(&mut self, group: &Group<'_>, member: usize, machine: &mut Machine) {
        let attributes = &group.attributes;
        machine.groups.insert(group.name.as_str().to_owned());
        machine.roles.extend(attributes.roles.iter().cloned());
        if let Some((zone, span)) = &attributes.zone
            && self.takes("zone", member, machine, machine.zone.as_ref(), zone, *span)
        {
            machine.zone = Some(zone.clone());
        }
        for (key, (value, span)) in &attributes.tags {
            let what = format!("tag `{key}`");
            if self.takes(&what, member, machine, machine.tags.get(key), value, *span) {
                machine.tags.insert(key.clone(), value.clone());
            }
        }
        for (key, (value, span)) in &attributes.variables {
            let what = format!("variable `{key}`");
            if self.takes(
                &what,
                member,
                machine,
                machine.variables.get(key),
                value,
                *span,
            ) {
                machine.variables.insert(key.clone(), value.clone());
            }
        }
    }

    /// Tells whether a machine takes a gift, and reports when another group gave something else.
    fn takes<T: PartialEq>(
        &mut self,
        what: &str,
        member: usize,
        machine: &Machine,
        current: Option<&T>,
        value: &T,
        span: Span,
    ) -> bool {
        let givers = self.given.entry(what.to_owned()).or_default();
        let Some(current) = current else {
            givers.insert(member, span);
            return true;
        };
        if let Some(first) = givers.get(&member).copied().filter(|_| current != value)
            && self.reported.insert((what.to_owned(), first, span))
        {
            let message = format!(
                "two groups give machine `{}` a different {what}",
                machine.name
            );
            let problem = Problem::new(message)
                .related(first, "the other group's")
                .help("set it on the machine itself, which wins, or in one group only");
            self.report.error(span, "", problem);
        }
        false
    }
}

/// Finds the machines that a name or a range stands for, reporting when some are unknown.
fn machines_named(text: &Text<'_>, inventory: &Inventory) -> Option<Vec<usize>> {
    let names = text.parse(machine_names)?;
    if let Some(problem) = unknown_machines(&names, text, inventory)
        && !inventory.incomplete
    {
        text.reject(problem);
    }
    Some(
        names
            .iter()
            .filter_map(|name| inventory.place(name.as_str()))
            .collect(),
    )
}

/// Words which of some machines are not in the plan, if any.
pub(crate) fn unknown_machines(
    names: &[MachineName],
    text: &Text<'_>,
    inventory: &Inventory,
) -> Option<Problem> {
    let mut unknown = names
        .iter()
        .filter(|name| inventory.place(name.as_str()).is_none());
    let first = unknown.next()?;
    if let [name] = names {
        return Some(unknown_machine(name.as_str(), text, inventory));
    }
    let (missing, all) = (unknown.count() + 1, names.len());
    let help = format!("{missing} of these {all} machines are not in the plan");
    Some(Problem::new(format!("unknown machine `{first}`")).help(help))
}

/// Words that a machine is not in the plan.
pub(crate) fn unknown_machine(name: &str, text: &Text<'_>, inventory: &Inventory) -> Problem {
    let help = text.report().suggest(name, inventory.names());
    Problem::new(format!("unknown machine `{name}`")).maybe_help(help)
}
