//! A module's templates, those among them that the plan replaces.

use std::sync::Arc;

use cellhost_effects::Templates;
use cellhost_plan::{Diagnostic, ModuleUse, Plan, Problem, did_you_mean};
use cellhost_runtime::Module;

/// Gives the templates of a module where the plan uses it, and complains of replacements that
/// replace nothing or do not parse.
pub(crate) fn of(
    plan: &Plan,
    usage: &ModuleUse,
    module: &Module,
    found: &mut Vec<Diagnostic>,
) -> Arc<Templates> {
    let own = &module.embedded().templates;
    if usage.templates.is_empty() {
        return module.templates().clone();
    }
    let mut sources = own.clone();
    for (name, replacement) in &usage.templates {
        if !own.contains_key(name) {
            let known = own.keys().map(String::as_str);
            let help = did_you_mean(name, known.clone()).unwrap_or_else(|| {
                let known: Vec<&str> = known.collect();
                format!("its templates are {}", known.join(", "))
            });
            let message = format!("module `{}` has no template `{name}`", usage.module);
            let problem = Problem::new(message).label("replaces nothing").help(help);
            found.push(Diagnostic::error(&plan.source, replacement.span, problem));
            continue;
        }
        sources.insert(name.clone(), replacement.text.clone());
        // One by one, so that each is blamed for its own faults.
        let alone = [(name.clone(), replacement.text.clone())].into();
        if let Err(error) = Templates::parse(&alone) {
            let problem = Problem::new(error.to_string()).label("put in the place of the module's");
            found.push(Diagnostic::error(&plan.source, replacement.span, problem));
        }
    }
    let parsed = Templates::parse(&sources);
    parsed.map_or_else(|_| module.templates().clone(), Arc::new)
}
