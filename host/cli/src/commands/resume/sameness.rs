//! Whether everything that a run rests on is still what it was.

use std::collections::BTreeMap;

use anyhow::anyhow;
use cellhost_lock::Roster;
use cellhost_plan::{Plan, SecretName};

use crate::error::{CommandError, Kind};
use crate::reach::Reach;
use crate::record::{Entry, key, mark};
use crate::session::Session;

const ANEW: &str = "`cellhost run` begins anew: it looks at every machine and changes what differs";

/// Refuses to go on with a run where its plan, its modules, its secrets or its machines' numbers
/// are others by now: what is on record would be no answer to what is asked now.
pub(super) fn check(
    entry: &Entry,
    session: &Session,
    reach: &Reach,
    same_secrets: bool,
) -> Result<(), CommandError> {
    let (opening, plan) = (&entry.opening, &session.deployment.plan);
    let refused = |what: String| {
        let error = anyhow!("{what} since run {}", entry.short());
        Err(CommandError::new(Kind::Usage, error))
    };
    if plan.source.text() != opening.plan.text {
        return refused("the plan has changed".to_owned()).map_err(|error| error.hint(ANEW));
    }
    for placed in &session.deployment.modules {
        let name = &placed.usage.name;
        let used = opening.modules.iter().find(|used| used.name == *name);
        let same = used.is_some_and(|used| used.sha256 == placed.module.digest());
        if !same {
            return refused(format!("the module `{name}` has changed")).map_err(|error| {
                error
                    .hint("name the directory that has it as it was with `--modules`")
                    .hint(ANEW)
            });
        }
    }
    let key = key()?;
    if !opening.key.is_empty() && opening.key != mark(&key) {
        if !plan.secrets.is_empty() && !same_secrets {
            return Err(incomparable(entry));
        }
    } else if let Some(names) = changed(entry, plan, &reach.fingerprints(&key)) {
        return refused(format!("the value of {names} has changed")).map_err(|error| {
            error
                .hint("what was told of it to machines may be in place on some of them")
                .hint(ANEW)
        });
    }
    if !fits(&session.written, &opening.roster) {
        return refused("machines have got other numbers".to_owned()).map_err(|error| {
            error
                .hint("`cellhost.lock` beside the plan has them; version control has its history")
                .hint(ANEW)
        });
    }
    Ok(())
}

/// The names of secrets whose values are others by now.
fn changed(entry: &Entry, plan: &Plan, secrets: &BTreeMap<SecretName, String>) -> Option<String> {
    let before = &entry.opening.secrets;
    let names = plan.secrets.keys();
    let names = names.filter(|name| secrets.get(*name) != before.get(*name));
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Values are told apart under a key that never leaves its computer.
fn incomparable(entry: &Entry) -> CommandError {
    let run = entry.short();
    let error = anyhow!(
        "another computer began run {run}, so nobody here can tell whether secrets are what they were"
    );
    CommandError::new(Kind::Usage, error)
        .hint(format!(
            "if they are: `cellhost resume {run} --same-secrets`"
        ))
        .hint(ANEW)
}

/// Whether nobody has another number than on record. Who has left since is no contradiction.
fn fits(now: &Roster, then: &Roster) -> bool {
    now.modules.iter().all(|(module, membership)| {
        let before = then.modules.get(module);
        membership.machines.iter().all(|(name, seat)| {
            let before = before.and_then(|before| before.machines.get(name));
            before.is_some_and(|before| before.ordinal == seat.ordinal)
        })
    })
}
