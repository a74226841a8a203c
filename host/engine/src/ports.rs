//! Modules of a plan that listen on the same port of the same machine.

use std::collections::BTreeMap;

use cellhost_plan::{Diagnostic, MachineName, Plan, Problem};

use crate::deployment::Placed;

/// How many machines a message names.
const NAMED: usize = 3;

/// Complains about every two modules that would listen on the same port of a machine, by what their
/// manifests say. Of its own ports a module says more than could be said here.
pub(crate) fn check(plan: &Plan, placed: &[Placed], found: &mut Vec<Diagnostic>) {
    let mut seen: Vec<Claim<'_>> = Vec::new();
    let mut clashes: BTreeMap<(usize, usize), Vec<&MachineName>> = BTreeMap::new();
    let mut taken: BTreeMap<(&MachineName, u16), usize> = BTreeMap::new();
    for claim in placed.iter().flat_map(|placed| claims(plan, placed)) {
        let place = seen.len();
        for machine in claim.machines.iter().copied() {
            match taken.get(&(machine, claim.port)) {
                Some(first) => clashes.entry((*first, place)).or_default().push(machine),
                None => {
                    taken.insert((machine, claim.port), place);
                }
            }
        }
        seen.push(claim);
    }
    for ((first, second), machines) in clashes {
        let (Some(first), Some(second)) = (seen.get(first), seen.get(second)) else {
            continue;
        };
        if first.placed.usage.name != second.placed.usage.name {
            found.push(clash(plan, first, second, &machines));
        }
    }
}

/// A port that a module says it listens on.
struct Claim<'a> {
    placed: &'a Placed,
    setting: &'a str,
    port: u16,
    machines: Vec<&'a MachineName>,
}

fn claims<'a>(plan: &'a Plan, placed: &'a Placed) -> impl Iterator<Item = Claim<'a>> {
    let embedded = placed.module.embedded();
    let (settings, schema) = (&placed.usage.settings, embedded.schema.as_ref());
    let listens = embedded.manifest.listens.iter();
    listens.filter_map(move |port| {
        let members = placed.usage.machines.iter();
        let members = members.filter_map(|name| plan.machine(name));
        let listening = members.filter(|machine| port.is_of(&machine.roles, settings, schema));
        Some(Claim {
            placed,
            setting: port.setting(),
            port: port.port(settings, schema)?,
            machines: listening.map(|machine| &machine.name).collect(),
        })
    })
}

fn clash(
    plan: &Plan,
    first: &Claim<'_>,
    second: &Claim<'_>,
    machines: &[&MachineName],
) -> Diagnostic {
    let mut names: Vec<&str> = machines
        .iter()
        .take(NAMED)
        .map(|name| name.as_str())
        .collect();
    let more = format!("{} more", machines.len().saturating_sub(NAMED));
    if machines.len() > NAMED {
        names.push(&more);
    }
    let (one, other) = (&first.placed.usage, &second.placed.usage);
    let why = |claim: &Claim<'_>| match claim.setting.trim_start_matches('/') {
        "" => format!("`{}` always listens there", claim.placed.usage.name),
        setting => {
            let setting = setting.replace('/', ".");
            format!(
                "by the setting `{setting}` of `{}`",
                claim.placed.usage.name
            )
        }
    };
    let message = format!(
        "`{}` and `{}` both listen on port {} of {}",
        one.name,
        other.name,
        second.port,
        names.join(", ")
    );
    let problem = Problem::new(message)
        .label(why(second))
        .related(one.span_of(first.setting), why(first))
        .help("give one of them another port, or machines of its own");
    Diagnostic::error(&plan.source, other.span_of(second.setting), problem)
}
