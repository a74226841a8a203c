//! Whether everything that a run rests on is still what it was.

use std::collections::BTreeMap;

use anyhow::anyhow;
use cellhost_engine::Roster;
use cellhost_plan::SecretName;

use crate::error::{CommandError, Kind};
use crate::record::Entry;
use crate::session::Session;

const ANEW: &str = "`cellhost run` begins anew: it looks at every machine and changes what differs";

/// Refuses to go on with a run where its plan, its modules, its secrets or its machines' numbers
/// are others by now: what is on record would be no answer to what is asked now.
pub(super) fn check(
    entry: &Entry,
    session: &Session,
    secrets: &BTreeMap<SecretName, String>,
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
    let changed: Vec<String> = plan
        .secrets
        .keys()
        .filter(|name| secrets.get(*name) != opening.secrets.get(*name))
        .map(|name| format!("`{name}`"))
        .collect();
    if !changed.is_empty() {
        let names = changed.join(", ");
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
