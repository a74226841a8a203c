//! What modules tell each other.

use std::collections::BTreeMap;

use cellhost_manifest::OutputKind;
use cellhost_plan::{Diagnostic, InstanceName, Plan, Problem};

use crate::barrier::Ensemble;
use crate::needs::Provider;
use crate::{Deployment, Placed};

/// Values by the name of what provides them in the plan, and key.
pub(crate) type Outputs = BTreeMap<(String, String), String>;

/// Says what is wrong with a value that a module puts out. What its manifest does not declare is
/// a text.
fn wrong(placed: &Placed, key: &str, value: &str) -> Result<(), Problem> {
    let provides = &placed.module.embedded().manifest.provides;
    let kind = provides.get(key).copied().unwrap_or(OutputKind::Text);
    kind.check(value).map_err(|problem| {
        let (name, key) = (&placed.usage.name, key.escape_debug());
        let message = format!("the output `{key}` of module `{name}` is no {kind}: {problem}");
        Problem::new(message)
    })
}

/// Takes over what a module told before anything runs, or says what is wrong with it.
pub(crate) fn tell(
    deployment: &mut Deployment,
    name: &InstanceName,
    told: Vec<(String, String)>,
    found: &mut Vec<Diagnostic>,
) {
    let Some(placed) = deployment.placed(name) else {
        return;
    };
    let source = &deployment.plan.source;
    let mut good = Vec::new();
    for (key, value) in told {
        match wrong(placed, &key, &value) {
            Ok(()) => good.push(((name.to_string(), key), value)),
            Err(problem) => {
                let problem = problem.label("told while the plan was judged");
                found.push(Diagnostic::error(source, placed.usage.span, problem));
            }
        }
    }
    deployment.outputs.extend(good);
}

/// Checks what a module has published by its end: all that others need must be there by now, and
/// be what its manifest says.
pub(crate) fn settle(
    deployment: &Deployment,
    outputs: &Outputs,
    name: &InstanceName,
    published: Vec<(String, String)>,
) -> Result<Outputs, String> {
    let Some(placed) = deployment.placed(name) else {
        return Ok(Outputs::new());
    };
    let mut settled = Outputs::new();
    for (key, value) in published {
        wrong(placed, &key, &value).map_err(|problem| problem.to_string())?;
        settled.insert((name.to_string(), key), value);
    }
    let missing = |key: &str| {
        let key = (name.to_string(), key.to_owned());
        !settled.contains_key(&key) && !outputs.contains_key(&key)
    };
    for other in &deployment.modules {
        for need in &other.needs {
            let key = &need.requirement.output;
            if need.provider == Provider::Instance(name.clone()) && missing(key) {
                let other = &other.usage.name;
                return Err(format!(
                    "it ended without its output `{key}`, which `{other}` requires"
                ));
            }
        }
    }
    Ok(settled)
}

/// What a module sees: its own, what its manifest wants, and what it requires, that under the names
/// that it requires it by too, whatever the plan calls what provides it.
pub(crate) fn seen_by(plan: &Plan, placed: &Placed, outputs: &Outputs) -> Outputs {
    let wants = &placed.module.embedded().manifest.wants;
    let is_wanted = |(name, key): &(String, String)| {
        wants.iter().any(|wanted| {
            let is_meant = match plan.module(name) {
                Some(usage) => usage.module == wanted.module,
                // What was there before the plan.
                None => name == wanted.module.name(),
            };
            is_meant && wanted.output == *key
        })
    };
    let is_required = |(name, key): &(String, String)| {
        placed.needs.iter().any(|need| {
            let is_meant = match &need.provider {
                Provider::Instance(provider) => provider.as_str() == name,
                Provider::Existing => plan.module(name).is_none(),
            };
            is_meant && need.requirement.output == *key
        })
    };
    let is_own = |(name, _): &(String, String)| placed.usage.name.as_str() == name;
    let seen = outputs
        .iter()
        .filter(|(of, _)| is_own(of) || is_required(of) || is_wanted(of));
    let mut seen: Outputs = seen
        .map(|(of, value)| (of.clone(), value.clone()))
        .collect();
    for need in &placed.needs {
        let Provider::Instance(provider) = &need.provider else {
            continue;
        };
        let output = &need.requirement.output;
        if let Some(value) = outputs.get(&(provider.to_string(), output.clone())) {
            let name = need.requirement.module.name().to_owned();
            seen.insert((name, output.clone()), value.clone());
        }
    }
    seen
}

/// The list of an ensemble that was there before, as what its module would have told.
pub(crate) fn existing(ensemble: Option<&Ensemble>) -> Outputs {
    let told = ensemble.and_then(|ensemble| {
        let servers = ensemble.existing.as_ref()?;
        let key = (ensemble.name.to_string(), crate::barrier::OUTPUT.to_owned());
        Some((key, servers.to_string()))
    });
    told.into_iter().collect()
}
