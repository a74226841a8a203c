//! The values of secrets, for as long as a run takes.

mod fingerprint;
mod forms;
mod program;
mod source;

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, MatchKind};
use cellhost_plan::{SecretName, SecretSource};
use zeroize::{Zeroize, Zeroizing};

pub use program::Refusal;

/// Shortest value that is accepted: anything shorter could not be taken out of texts again
/// without mangling them.
const SHORTEST: usize = 4;

/// Asks whoever is at the terminal for the value of a secret, or says why it cannot.
pub type Ask<'a> = &'a dyn Fn(&SecretName) -> Result<Zeroizing<String>, String>;

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
    /// Nobody has typed it in.
    #[error("secret `{name}`: {reason}")]
    Unasked {
        /// The secret.
        name: SecretName,
        /// Why not.
        reason: String,
    },
    /// The program that knows it does not tell.
    #[error("secret `{name}`: `{program}` {refusal}")]
    Program {
        /// The secret.
        name: SecretName,
        /// The program.
        program: String,
        /// Why not, without what it wrote.
        refusal: Refusal,
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
    ///
    /// Programs are run and questions asked one after the other, and this waits for them.
    pub fn open(
        sources: &BTreeMap<SecretName, SecretSource>,
        ask: Ask<'_>,
    ) -> Result<Self, Vec<VaultError>> {
        let mut values = BTreeMap::new();
        let mut errors = Vec::new();
        for (name, source) in sources {
            match source::read(name, source, ask).and_then(|value| judged(name, value)) {
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
        let forms: Vec<(String, Zeroizing<String>)> = values
            .iter()
            .flat_map(|(name, value)| {
                let mark = format!("[secret:{name}]");
                forms::of(value)
                    .into_iter()
                    .map(move |form| (mark.clone(), form))
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
