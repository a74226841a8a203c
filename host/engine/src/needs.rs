//! What modules require of each other, and the order that follows.

use cellhost_manifest::Requirement;
use cellhost_plan::{Diagnostic, Ensemble, InstanceName, Phase, Plan, Problem, Span, cycles};

use crate::Placed;
use crate::barrier::{MODULE, OUTPUT};

/// An output that a module requires, and where it comes from.
#[derive(Debug, Clone)]
pub struct Need {
    /// What its manifest says.
    pub requirement: Requirement,
    /// Who has it.
    pub provider: Provider,
}

/// Who has a required output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// A module of the plan.
    Instance(InstanceName),
    /// An ensemble that the plan names and that was there before.
    Existing,
}

/// Adds what manifests require to what the plan says, and complains where nobody provides it, or
/// where nobody knows which of several is meant.
pub(crate) fn resolve(plan: &Plan, placed: &mut [Placed], found: &mut Vec<Diagnostic>) {
    let mut needs: Vec<Vec<Need>> = Vec::new();
    for module in placed.iter() {
        let requires = &module.module.embedded().manifest.requires;
        let mut own = Vec::new();
        for requirement in requires {
            match provider(plan, placed, module, requirement) {
                Ok(provider) => own.push(Need {
                    requirement: requirement.clone(),
                    provider,
                }),
                Err(problem) => {
                    found.push(Diagnostic::error(&plan.source, module.usage.span, problem));
                }
            }
        }
        needs.push(own);
    }
    for (module, needs) in placed.iter_mut().zip(needs) {
        for need in &needs {
            if let Provider::Instance(provider) = &need.provider {
                module.after.insert(provider.clone());
            }
        }
        module.needs = needs;
    }
}

fn provider(
    plan: &Plan,
    placed: &[Placed],
    module: &Placed,
    need: &Requirement,
) -> Result<Provider, Problem> {
    if let Some(Ensemble::Servers(_)) = plan.barrier.ensemble
        && need.module.name() == MODULE
        && need.output == OUTPUT
    {
        return Ok(Provider::Existing);
    }
    let fits = |other: &&Placed| {
        let manifest = &other.module.embedded().manifest;
        other.usage.module == need.module && manifest.provides.contains_key(&need.output)
    };
    let fit: Vec<&InstanceName> = placed
        .iter()
        .filter(fits)
        .map(|other| &other.usage.name)
        .collect();
    let meant = |name: &&&InstanceName| module.usage.after.contains(name);
    let mut chosen = fit.iter().filter(meant);
    match (fit.as_slice(), chosen.next(), chosen.next()) {
        ([], ..) => Err(Problem::new(format!(
            "module `{}` needs `{need}`, which no module of this plan provides",
            module.usage.module
        ))
        .help(format!("add the module `{}` to the plan", need.module))),
        ([only], ..) => Ok(Provider::Instance((*only).clone())),
        (_, Some(one), None) => Ok(Provider::Instance((**one).clone())),
        (several, ..) => {
            let names: Vec<&str> = several.iter().map(|name| name.as_str()).collect();
            let names = names.join(", ");
            Err(Problem::new(format!(
                "module `{}` needs `{need}`, which several of this plan provide: {names}",
                module.usage.name
            ))
            .help("name the one that is meant in `after`"))
        }
    }
}

/// Complains about modules that wait for a later phase, or for each other. The plan alone cannot
/// tell: it knows neither the modules' own phases nor what they require.
pub(crate) fn check(plan: &Plan, placed: &[Placed], found: &mut Vec<Diagnostic>) {
    let phase_of = |module: &Placed| plan.phases.place(module.phase.as_str());
    for module in placed {
        let later = placed
            .iter()
            .filter(|other| module.after.contains(&other.usage.name))
            .filter(|other| phase_of(other) > phase_of(module));
        for other in later {
            let (own, name) = (&module.usage.name, &other.usage.name);
            let (span, why) = reason(module, name);
            let problem = Problem::new(format!(
                "module `{own}` of phase {} waits for `{name}` of phase {}",
                module.phase, other.phase
            ))
            .label(why)
            .help(format!("give `{own}` the phase {} too", other.phase));
            found.push(Diagnostic::error(&plan.source, span, problem));
        }
        // Only what runs behind the barrier can count on the ensemble.
        let existing = |need: &&Need| need.provider == Provider::Existing;
        let behind = plan.phases.is_behind_barrier(&module.phase) || plan.barrier.off;
        if let Some(need) = module.needs.iter().find(existing).filter(|_| !behind) {
            let (own, phase) = (&module.usage.name, &module.phase);
            let problem = Problem::new(format!(
                "module `{own}` of phase {phase} needs `{}`, which is there behind the barrier",
                need.requirement
            ))
            .help(format!("give `{own}` the phase {}", Phase::PostZk));
            found.push(Diagnostic::error(&plan.source, module.usage.span, problem));
        }
    }
    let places = |name: &InstanceName| placed.iter().position(|other| other.usage.name == *name);
    let arrows = |module: &Placed| module.after.iter().filter_map(places).collect();
    let arrows: Vec<Vec<usize>> = placed.iter().map(arrows).collect();
    for circle in cycles(&arrows) {
        let circle: Vec<&Placed> = circle
            .iter()
            .filter_map(|place| placed.get(*place))
            .collect();
        found.extend(circular(plan, &circle));
    }
}

/// Where and why one module waits for another.
fn reason(module: &Placed, other: &InstanceName) -> (Span, String) {
    let own = &module.usage.name;
    let provider = Provider::Instance(other.clone());
    let need = module.needs.iter().find(|need| need.provider == provider);
    match (module.usage.after_span(other), need) {
        (Some(span), _) => (span, format!("`{own}` waits for `{other}`: `after`")),
        (None, Some(need)) => {
            let requires = &need.requirement;
            let why = format!("`{own}` waits for `{other}`: it requires `{requires}`");
            (module.usage.span, why)
        }
        (None, None) => (module.usage.span, format!("`{own}` waits for `{other}`")),
    }
}

fn circular(plan: &Plan, circle: &[&Placed]) -> Option<Diagnostic> {
    let names: Vec<&str> = circle
        .iter()
        .chain(circle.first())
        .map(|module| module.usage.name.as_str())
        .collect();
    let ends = circle.iter().cycle().skip(1);
    let mut arrows = circle
        .iter()
        .zip(ends)
        .map(|(from, to)| reason(from, &to.usage.name));
    let (span, label) = arrows.next()?;
    let mut problem = Problem::new(format!(
        "modules wait for each other: {}",
        names.join(" → ")
    ))
    .label(label)
    .help("`after` and what the modules require must not lead in a circle");
    for (span, label) in arrows {
        problem = problem.related(span, label);
    }
    Some(Diagnostic::error(&plan.source, span, problem))
}
