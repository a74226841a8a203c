use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::document::{Table, Text, Value};
use crate::location::resolve;
use crate::name::SecretName;
use crate::problem::Problem;
use crate::source::Span;

/// Where the value of a secret comes from; the value itself is never in a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretSource {
    /// The environment variable of this name.
    Env(String),
    /// The content of this file, already relative to where the plan was loaded from.
    File(PathBuf),
}

/// The secrets of a plan while it is read, remembering which are used.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    sources: BTreeMap<SecretName, SecretSource>,
    declared: BTreeMap<SecretName, (Span, String)>,
    used: RefCell<BTreeSet<SecretName>>,
}

impl Secrets {
    pub(crate) fn read(value: Option<Value<'_>>) -> Self {
        let mut secrets = Self::default();
        let Some(table) = value.and_then(|value| value.table()) else {
            return secrets;
        };
        for (key, value) in table.entries() {
            let Some(name) = key.parse(SecretName::new) else {
                continue;
            };
            secrets
                .declared
                .insert(name.clone(), (key.span(), key.path().to_owned()));
            if let Some(source) = value.table().and_then(read_source) {
                secrets.sources.insert(name, source);
            }
        }
        secrets
    }

    /// Looks up the secret a text names and counts it as used.
    pub(crate) fn reference(&self, text: &Text<'_>) -> Option<SecretName> {
        if let Some((name, _)) = self.declared.get_key_value(text.as_str()) {
            self.used.borrow_mut().insert(name.clone());
            return Some(name.clone());
        }
        let known = self.declared.keys().map(SecretName::as_str);
        let help = text.suggest(known).unwrap_or_else(|| {
            format!(
                "declare it: `[secrets]` with `{} = {{ env = \"…\" }}`",
                text.as_str()
            )
        });
        text.reject(Problem::new(format!("unknown secret `{}`", text.as_str())).help(help));
        None
    }

    /// Warns of secrets nothing refers to and gives the sources of all.
    pub(crate) fn finish(
        self,
        report: &crate::document::Report,
    ) -> BTreeMap<SecretName, SecretSource> {
        let used = self.used.into_inner();
        for (name, (span, path)) in &self.declared {
            if !used.contains(name) {
                let problem = Problem::new(format!("secret `{name}` is never used"));
                let help = format!(
                    "use it as `{{ secret = \"{name}\" }}` in a module's settings, or remove it"
                );
                report.warning(*span, path, problem.help(help));
            }
        }
        self.sources
    }
}

fn read_source(mut table: Table<'_>) -> Option<SecretSource> {
    let env = table.get("env");
    let file = table.get("file");
    let example = "write `{ env = \"NAME\" }` or `{ file = \"path\" }`";
    let source = match (env, file) {
        (Some(env), None) => env.parse(variable).map(SecretSource::Env),
        (None, Some(file)) => file
            .text()
            .and_then(|text| resolve(&text))
            .map(SecretSource::File),
        (Some(_), Some(file)) => {
            file.reject(Problem::new("a secret has one source, not two").help(example));
            None
        }
        (None, None) => {
            table.reject(Problem::new("this secret has no source").help(example));
            None
        }
    };
    table.finish();
    source
}

fn variable(text: &str) -> Result<String, Problem> {
    let wrong = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    if text.is_empty() || text.contains(wrong) || text.starts_with(|c: char| c.is_ascii_digit()) {
        let message = format!(
            "`{}` is not the name of an environment variable",
            text.escape_debug()
        );
        return Err(Problem::new(message).help("letters, digits and `_`, such as `REDIS_PASSWORD`"));
    }
    Ok(text.to_owned())
}
