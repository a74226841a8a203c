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
    /// What a program writes that is started with these words, by no shell.
    Exec {
        /// The program and its arguments.
        words: Vec<String>,
        /// Where it is started: where the plan was loaded from.
        folder: PathBuf,
    },
    /// A file that `age` has encrypted.
    Age {
        /// The file.
        file: PathBuf,
        /// The file with the key that opens it.
        identity: PathBuf,
    },
    /// One value of a file that `sops` has encrypted.
    Sops {
        /// The file.
        file: PathBuf,
        /// The keys on the way to the value, from the outermost.
        key: Vec<String>,
    },
    /// Whoever sits at the terminal.
    Prompt,
}

impl SecretSource {
    /// Whether its value is had without a program or a person.
    pub fn is_at_hand(&self) -> bool {
        matches!(self, Self::Env(_) | Self::File(_))
    }
}

/// The keys of a secret of which it has one.
const SOURCES: [&str; 6] = ["env", "file", "exec", "age", "sops", "prompt"];

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
    let example = "write `{ env = \"NAME\" }`, `{ file = \"path\" }` or one of `exec`, `age`, `sops` and `prompt`";
    let given = SOURCES.map(|key| table.get(key).map(|value| (key, value)));
    let mut given = given.into_iter().flatten();
    let source = match (given.next(), given.next()) {
        (Some((key, value)), None) => read_one(key, &value, &mut table),
        (Some(_), Some((_, second))) => {
            second.reject(Problem::new("a secret has one source, not two").help(example));
            None
        }
        (None, _) => {
            table.reject(Problem::new("this secret has no source").help(example));
            None
        }
    };
    table.finish();
    source
}

fn read_one(key: &str, value: &Value<'_>, table: &mut Table<'_>) -> Option<SecretSource> {
    let path = |value: &Value<'_>| value.text().and_then(|text| resolve(&text));
    Some(match key {
        "env" => SecretSource::Env(value.parse(variable)?),
        "file" => SecretSource::File(path(value)?),
        "exec" => SecretSource::Exec {
            words: words(
                value,
                "a program and its arguments, such as `[\"pass\", \"show\", \"redis\"]`",
            )?,
            folder: value.report().source().folder().to_owned(),
        },
        "age" => {
            let identity = table.require("identity", "\"path\"");
            SecretSource::Age {
                file: path(value)?,
                identity: path(&identity?)?,
            }
        }
        "sops" => {
            let key = table.require("key", "[\"redis\", \"password\"]");
            let help = "the keys on the way to the value, such as `[\"redis\", \"password\"]`";
            SecretSource::Sops {
                file: path(value)?,
                key: words(&key?, help)?,
            }
        }
        _ => {
            if !value.boolean()? {
                let problem = Problem::new("a secret that is not asked for has no source");
                value.reject(problem.help("write `prompt = true`"));
                return None;
            }
            SecretSource::Prompt
        }
    })
}

/// A list of words, the first of which is not empty.
fn words(value: &Value<'_>, help: &str) -> Option<Vec<String>> {
    let texts = value.texts()?;
    if texts.first().is_none_or(|first| first.as_str().is_empty()) {
        value.reject(Problem::new("this list begins with nothing").help(help));
        return None;
    }
    let words = texts.iter().map(|text| {
        text.parse(|word| {
            if word.contains(char::is_control) {
                return Err(Problem::new("a word has no control characters"));
            }
            Ok(word.to_owned())
        })
    });
    words.collect()
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
