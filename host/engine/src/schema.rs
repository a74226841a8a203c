//! A module's settings against its schema, with places in the plan.

use cellhost_plan::{Diagnostic, ModuleUse, Plan, Problem, did_you_mean};
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

/// Everything in a module's settings that its schema does not accept.
pub(crate) fn check(plan: &Plan, module: &ModuleUse, schema: &Value) -> Vec<Diagnostic> {
    let validator = match jsonschema::validator_for(schema) {
        Ok(validator) => validator,
        Err(error) => {
            let problem = Problem::new(format!(
                "the schema of module `{}` is broken",
                module.module
            ))
            .label(error.to_string());
            return vec![Diagnostic::error(&plan.source, module.span, problem)];
        }
    };
    validator
        .iter_errors(&module.settings)
        .map(|error| diagnose(plan, module, schema, &error))
        .collect()
}

fn diagnose(
    plan: &Plan,
    module: &ModuleUse,
    schema: &Value,
    error: &jsonschema::ValidationError<'_>,
) -> Diagnostic {
    let pointer = error.instance_path().as_str().to_owned();
    let setting = pointer.trim_start_matches('/').replace('/', ".");
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let name = unexpected.first().map_or("", String::as_str);
            let known: Vec<&str> = properties(schema);
            let problem = Problem::new(format!(
                "module `{}` has no setting `{name}`",
                module.module
            ))
            .label("unknown setting")
            .maybe_help(Some(
                did_you_mean(name, known.iter().copied())
                    .unwrap_or_else(|| format!("its settings are {}", known.join(", "))),
            ));
            let span = module.key_span_of(&format!("{pointer}/{name}"));
            Diagnostic::error(&plan.source, span, problem)
        }
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or("?");
            let problem = Problem::new(format!(
                "module `{}` needs the setting `{name}`",
                module.module
            ))
            .label("missing here")
            .help(format!("add `{name} = …` to its settings"));
            Diagnostic::error(&plan.source, module.span_of(&pointer), problem)
        }
        // The value itself is not repeated: it may be a secret in the wrong place.
        ValidationErrorKind::Type { .. } if wants_secret(schema, error) => {
            let problem = Problem::new(format!(
                "setting `{setting}` of module `{}` takes a secret",
                module.module
            ))
            .label("this stands in the plan for everybody to read")
            .help("name it: `{ secret = \"…\" }`, and say under `[secrets]` where its value is");
            Diagnostic::error(&plan.source, module.span_of(&pointer), problem)
        }
        _ => {
            let problem = Problem::new(format!(
                "setting `{setting}` of module `{}` is wrong",
                module.module
            ))
            .label(error.to_string());
            Diagnostic::error(&plan.source, module.span_of(&pointer), problem)
        }
    }
}

fn properties(schema: &Value) -> Vec<&str> {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .map(|members| members.keys().map(String::as_str).collect())
        .unwrap_or_default()
}

/// Whether the schema wants an object that names a secret where the error is.
fn wants_secret(schema: &Value, error: &jsonschema::ValidationError<'_>) -> bool {
    let path = error.schema_path().as_str();
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let here = schema.pointer(parent);
    let properties = here.and_then(|here| here.get("properties"));
    properties.is_some_and(|properties| properties.get("secret").is_some())
}
