//! What was agreed to: the changes that a dry run foresaw, and that a later run may make.

use std::collections::BTreeSet;

use cellhost_manifest::digest;
use cellhost_plan::MachineName;
use serde::{Deserialize, Serialize};

use crate::record::EffectName;
use crate::{Certainty, Command, Input, Prospect, Replaced, Text};

/// How often a hash is hashed again where the content may hold secrets, so that guessing them by
/// it takes that much longer.
const ROUNDS: u32 = 1 << 14;

/// The changes that a dry run foresaw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Agreement {
    /// Mixed into the hashes of what may hold secrets; another one each time.
    pub salt: String,
    /// The effects that change something, or may by the time.
    pub effects: Vec<AgreedEffect>,
}

/// One effect that was foreseen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AgreedEffect {
    /// Its name in the dry run.
    #[serde(flatten)]
    pub name: EffectName,
    /// The machine it is about.
    pub machine: MachineName,
    /// What it changes.
    #[serde(flatten)]
    pub change: AgreedChange,
}

/// What an effect changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgreedChange {
    /// Wishes of a list are met.
    Settles(Vec<AgreedWish>),
    /// A command runs.
    Runs(AgreedCommand),
}

/// One wish that was foreseen to be met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AgreedWish {
    /// What it is about.
    pub subject: String,
    /// Stands for all that is wished for.
    pub wished: String,
    /// What was to change; empty where nothing was, as far as could be told.
    pub lines: Vec<String>,
    /// The hash of the content before; none where there was none, or none changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The hash of the content after; none where none changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How sure that was.
    pub certainty: Certainty,
}

/// One command that was foreseen to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AgreedCommand {
    /// The program and its arguments.
    pub argv: Vec<Word>,
    /// The user it runs as.
    pub user: Option<String>,
    /// Stands for its input and its variables.
    pub given: String,
    /// How sure it was that it runs.
    pub certainty: Certainty,
}

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Word {
    /// This one.
    Known(String),
    /// One that only the run itself will tell, such as an identity that a program gives itself.
    Open {
        /// What stood for it.
        like: String,
    },
}

impl Agreement {
    /// How many changes there are, and how many things beside them may change by the time.
    pub fn counts(&self) -> (usize, usize) {
        let (mut changes, mut open) = (0, 0);
        for effect in &self.effects {
            match &effect.change {
                AgreedChange::Runs(_) => changes += 1,
                AgreedChange::Settles(wishes) => {
                    let some = wishes.iter().filter(|wish| !wish.lines.is_empty()).count();
                    changes += some;
                    open += wishes.len() - some;
                }
            }
        }
        (changes, open)
    }

    /// Hides a hash of what may hold secrets: it can be compared, and is slow to guess by.
    pub fn veiled(salt: &str, hash: &str) -> String {
        (0..ROUNDS).fold(hash.to_owned(), |hash, _| {
            digest(format!("{salt} {hash}").as_bytes())
        })
    }
}

impl AgreedWish {
    /// A wish as it is kept, with its hashes hidden where it may hold secrets.
    pub(crate) fn of(foreseen: &Prospect, salt: &str) -> Self {
        let hidden = |hash: &String| {
            if foreseen.secret {
                Agreement::veiled(salt, hash)
            } else {
                hash.clone()
            }
        };
        let (before, after) = match &foreseen.content {
            Some(Replaced { before, after }) => (before.as_ref(), Some(after)),
            None => (None, None),
        };
        Self {
            subject: foreseen.subject.clone(),
            wished: hidden(&foreseen.wished),
            lines: foreseen.lines.clone(),
            before: before.map(hidden),
            after: after.map(hidden),
            certainty: foreseen.certainty,
        }
    }

    /// Why the other one is not what this one allows, where it is not.
    pub(crate) fn differs(&self, other: &Self) -> Option<String> {
        if self.wished != other.wished {
            return Some("something else is wished for than was agreed".to_owned());
        }
        if self.certainty != Certainty::Exact {
            return None;
        }
        if other.lines.iter().any(|line| !self.lines.contains(line)) {
            return Some(match self.lines.as_slice() {
                [] => "nothing was to change".to_owned(),
                lines => format!("agreed was: {}", lines.join(", ")),
            });
        }
        // Content that has come about in the meantime is not replaced any more.
        let replaced = other.after.is_some();
        (replaced && (&self.before, &self.after) != (&other.before, &other.after))
            .then(|| "what it replaces is not what was looked at".to_owned())
    }
}

impl AgreedCommand {
    /// A command as it is kept. Words that stand in `assumed` are not known yet.
    pub(crate) fn of(
        command: &Command,
        certainty: Certainty,
        assumed: &BTreeSet<String>,
        salt: &str,
    ) -> Self {
        let words = command.argv.iter().map(|word| {
            if assumed.contains(word) {
                Word::Open { like: word.clone() }
            } else {
                Word::Known(word.clone())
            }
        });
        Self {
            argv: words.collect(),
            user: command.user.clone(),
            given: given(command, salt),
            certainty,
        }
    }

    /// Whether a command is this one.
    pub(crate) fn allows(&self, command: &Command, salt: &str) -> bool {
        let same = |(word, other): (&Word, &String)| match word {
            Word::Known(word) => word == other,
            Word::Open { .. } => true,
        };
        self.argv.len() == command.argv.len()
            && self.argv.iter().zip(&command.argv).all(same)
            && self.user == command.user
            && self.given == given(command, salt)
    }
}

/// Stands for what a command is given besides its arguments.
fn given(command: &Command, salt: &str) -> String {
    let input = match &command.input {
        Input::Nothing => String::new(),
        Input::Bytes(bytes) => digest(bytes),
        Input::Secret(name) => format!("secret {name}"),
    };
    let variables = command.environment.iter().map(|(name, text)| match text {
        Text::Plain(value) => format!("{name}={}", digest(value.as_bytes())),
        Text::Secret(secret) => format!("{name}: secret {secret}"),
    });
    let all: Vec<String> = std::iter::once(input).chain(variables).collect();
    let text = all.join("\n");
    if text.is_empty() {
        return text;
    }
    // Below the secrets, anything of it may be one.
    Agreement::veiled(salt, &digest(text.as_bytes()))
}

/// The words of an assumed answer that may stand for something else by the time: long enough not
/// to be a number, a port or a flag.
pub(crate) fn open_words(answer: &[u8]) -> impl Iterator<Item = String> {
    let text = String::from_utf8_lossy(answer).into_owned();
    let words: Vec<String> = text
        .split_whitespace()
        .filter(|word| word.len() >= 8 && !word.chars().all(|c| c.is_ascii_digit()))
        .map(str::to_owned)
        .collect();
    words.into_iter()
}
