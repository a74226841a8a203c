//! What a plan has to say before a module of others may do anything, and what of that is kept in its lock.

use std::collections::BTreeSet;

use anyhow::anyhow;
use cellhost_engine::Deployment;
use cellhost_plan::{Diagnostic, InstanceName, Problem};
use cellhost_registry::Pin;

use crate::error::{CommandError, Kind};
use crate::report::clean;

/// Complains about modules from registries that the plan grants nothing. What is in this program, or in a
/// directory that was named by hand, needs no grant.
pub(crate) fn missing(
    deployment: &Deployment,
    strangers: &BTreeSet<InstanceName>,
) -> Vec<Diagnostic> {
    let plan = &deployment.plan;
    let ungranted = plan
        .modules
        .iter()
        .filter(|usage| usage.grants.is_none() && strangers.contains(&usage.name));
    let complaint = |usage: &cellhost_plan::ModuleUse| {
        let (name, module) = (&usage.name, &usage.module);
        let help = format!(
            "`cellhost grants` shows what it asks for; say `grants = \"asked\"` for all of it, or what it \
             may do under `[modules.{name}.grants]`"
        );
        let problem = Problem::new(format!(
            "`{module}` comes from a registry and is granted nothing"
        ));
        Diagnostic::error(&plan.source, usage.span, problem.help(help))
    };
    ungranted.map(complaint).collect()
}

/// What modules ask for now and did not when the lock was written. What is there for the first time is a
/// matter of the plan, which has to grant it.
pub(crate) fn more(before: &[Pin], now: &[Pin]) -> Vec<String> {
    let mut more = Vec::new();
    for pin in now {
        let earlier = before.iter().filter(|earlier| earlier.module == pin.module);
        let accepted: BTreeSet<&String> = earlier.clone().flat_map(|pin| &pin.asks).collect();
        let news = pin.asks.iter().filter(|ask| !accepted.contains(ask));
        if earlier.count() > 0 {
            let (module, version) = (&pin.module, &pin.version);
            more.extend(news.map(|ask| format!("{module} {version}: {}", clean(ask))));
        }
    }
    more
}

/// Refuses that until somebody has looked at it.
pub(crate) fn accepted(before: &[Pin], now: &[Pin]) -> Result<(), CommandError> {
    let more = more(before, now);
    if more.is_empty() {
        return Ok(());
    }
    let error = anyhow!(
        "modules ask for more than cellhost.lock has:\n  + {}",
        more.join("\n  + ")
    );
    Err(CommandError::new(Kind::Usage, error)
        .hint("`cellhost update --accept` writes it there; without that they stay what they were"))
}
