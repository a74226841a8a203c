//! The values of secrets, for as long as a run takes.

mod fingerprint;

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, MatchKind};
use cellhost_plan::{SecretName, SecretSource, at_home};
use zeroize::{Zeroize, Zeroizing};

/// Shortest value that is accepted: anything shorter could not be taken out of texts again
/// without mangling them.
const SHORTEST: usize = 4;

/// The values of secrets. They are wiped from memory when the vault is dropped.
pub struct Vault {
    values: BTreeMap<SecretName, Zeroizing<String>>,
    finder: Option<(AhoCorasick, Vec<String>)>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("Vault")
            .field(&self.values.keys().collect::<Vec<_>>())
            .finish()
    }
}

/// Why a secret has no value.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The variable is not set.
    #[error("secret `{name}`: the environment has no `{variable}`")]
    NoVariable {
        /// The secret.
        name: SecretName,
        /// The variable.
        variable: String,
    },
    /// The file cannot be read.
    #[error("secret `{name}`: cannot read its file")]
    Unreadable {
        /// The secret.
        name: SecretName,
        /// Why not; names the file.
        source: std::io::Error,
    },
    /// The value is too short, or has a character that no configuration file takes.
    #[error("secret `{name}`: {reason}")]
    Unfit {
        /// The secret.
        name: SecretName,
        /// What is wrong with it, without the value.
        reason: &'static str,
    },
}

impl Vault {
    /// Reads the values of all secrets, or says everything that is wrong with them.
    pub fn open(sources: &BTreeMap<SecretName, SecretSource>) -> Result<Self, Vec<VaultError>> {
        let mut values = BTreeMap::new();
        let mut errors = Vec::new();
        for (name, source) in sources {
            match read(name, source).and_then(|value| judged(name, value)) {
                Ok(value) => {
                    values.insert(name.clone(), value);
                }
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            Ok(Self::holding(values))
        } else {
            Err(errors)
        }
    }

    /// A vault with these values.
    pub fn holding(values: BTreeMap<SecretName, Zeroizing<String>>) -> Self {
        // A value also counts where it stands quoted, with backslashes before special characters.
        let forms: Vec<(String, Zeroizing<String>)> = values
            .iter()
            .flat_map(|(name, value)| {
                let mark = format!("[secret:{name}]");
                [(mark.clone(), quoted(value)), (mark, value.clone())]
            })
            .collect();
        let names: Vec<String> = forms.iter().map(|(mark, _)| mark.clone()).collect();
        let finder = AhoCorasick::builder()
            // A secret that contains another is taken out as a whole.
            .match_kind(MatchKind::LeftmostLongest)
            .build(forms.iter().map(|(_, value)| value.as_bytes()))
            .ok()
            .filter(|_| !names.is_empty())
            .map(|finder| (finder, names));
        Self { values, finder }
    }

    /// The same vault with a value that the plan does not know; it replaces one of that name.
    pub fn with(mut self, name: SecretName, value: Zeroizing<String>) -> Result<Self, VaultError> {
        let value = judged(&name, value)?;
        let mut values = std::mem::take(&mut self.values);
        values.insert(name, value);
        Ok(Self::holding(values))
    }

    /// The value of a secret.
    pub fn reveal(&self, name: &str) -> Option<&str> {
        self.values
            .iter()
            .find(|(known, _)| known.as_str() == name)
            .map(|(_, value)| value.as_str())
    }

    /// Replaces every value in these bytes by `[secret:<name>]`.
    pub fn scrub(&self, bytes: &mut Vec<u8>) {
        let Some((finder, names)) = &self.finder else {
            return;
        };
        if finder.is_match(bytes.as_slice()) {
            let mut clean = finder.replace_all_bytes(bytes, names);
            std::mem::swap(bytes, &mut clean);
            clean.zeroize();
        }
    }

    /// Replaces every value in this text by `[secret:<name>]`.
    pub fn scrub_text(&self, text: &mut String) {
        let Some((finder, names)) = &self.finder else {
            return;
        };
        if finder.is_match(text.as_str()) {
            let mut clean = finder.replace_all(text, names);
            std::mem::swap(text, &mut clean);
            clean.zeroize();
        }
    }
}

fn read(name: &SecretName, source: &SecretSource) -> Result<Zeroizing<String>, VaultError> {
    match source {
        SecretSource::Env(variable) => {
            std::env::var(variable)
                .map(Zeroizing::new)
                .map_err(|_| VaultError::NoVariable {
                    name: name.clone(),
                    variable: variable.clone(),
                })
        }
        SecretSource::File(path) => {
            let mut text =
                fs_err::read_to_string(at_home(path, std::env::var_os("HOME").as_deref()))
                    .map(Zeroizing::new)
                    .map_err(|source| VaultError::Unreadable {
                        name: name.clone(),
                        source,
                    })?;
            // Editors end files with a line end that is no part of the secret.
            if text.ends_with('\n') {
                text.pop();
                if text.ends_with('\r') {
                    text.pop();
                }
            }
            Ok(text)
        }
        _ => Err(VaultError::Unfit {
            name: name.clone(),
            reason: "its source is not known here",
        }),
    }
}

/// The value as it stands between double quotes.
fn quoted(value: &str) -> Zeroizing<String> {
    let mut quoted = Zeroizing::new(String::with_capacity(value.len() * 2));
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

fn judged(name: &SecretName, value: Zeroizing<String>) -> Result<Zeroizing<String>, VaultError> {
    let reason = if value.len() < SHORTEST {
        "its value is shorter than 4 bytes"
    } else if value.chars().any(char::is_control) {
        "its value contains a line end or another control character"
    } else {
        return Ok(value);
    };
    Err(VaultError::Unfit {
        name: name.clone(),
        reason,
    })
}
