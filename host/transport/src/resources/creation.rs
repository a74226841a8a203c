//! What a program makes.

use std::time::Duration;

use super::{Difference, path::PathFacts};
use crate::shell::{Misread, Part, Refusal, Script, Sections, Settling, name, operand};

/// Something at a path that a program makes when it is not there.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Creation {
    /// What the program makes.
    pub path: String,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The user it runs as, where that is not the courier's own.
    pub user: Option<String>,
    /// When it is ended.
    pub deadline: Duration,
}

/// How far a creation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreationFacts {
    /// What stands at the path.
    pub at: PathFacts,
    /// Whether the program was started there and never ended well, so that what stands at the
    /// path may be half of it.
    pub begun: bool,
}

impl Creation {
    /// Writes how the program is run.
    pub(crate) fn settle(&self, settling: &mut Settling) -> Result<(), Refusal> {
        if self.argv.first().is_none_or(String::is_empty) {
            return Err(Refusal("there is no program to run".to_owned()));
        }
        let script = &mut settling.script;
        script.need(&[
            Part::Job,
            Part::File,
            Part::Memory,
            Part::Group,
            Part::Creation,
        ]);
        let user = self.user.as_deref().unwrap_or_default();
        if !user.is_empty() {
            name("user", user)?;
        }
        script.text("ch_cmd() {\n");
        if !user.is_empty() {
            script.call("ch_home", [user])?;
        }
        let words = [user, ""].into_iter().map(str::as_bytes);
        let argv = self.argv.iter().map(String::as_bytes);
        script.call("ch_become", words.chain(argv))?;
        script.text("}\n");
        let mark = mark(settling.memory(), &self.path);
        let path = operand(&self.path);
        let seconds = self.deadline.as_secs().max(1).to_string();
        let words = [user, &path, &mark, &seconds];
        settling.script.call("ch_do ch_creation", words)
    }

    /// Returns what differs, if anything.
    pub fn compare(&self, facts: &CreationFacts) -> Option<Difference> {
        let why = if facts.at.kind.is_none() {
            "run"
        } else if facts.begun {
            "run again, it did not end well before:"
        } else {
            return None;
        };
        let words: Vec<String> = self.argv.iter().map(|word| shown(word)).collect();
        Some(Difference {
            lines: vec![format!("{why} {}", words.join(" "))],
            content: false,
        })
    }

    /// The facts once the wish is met, of which nobody knows more than that something is there.
    pub fn met(&self) -> CreationFacts {
        CreationFacts {
            at: PathFacts {
                kind: Some(crate::FileKind::Other),
                ..PathFacts::nothing()
            },
            begun: false,
        }
    }
}

/// Asks whether programs were begun, by their marks.
pub(crate) fn ask(script: &mut Script, marks: &[&str]) -> Result<(), Refusal> {
    script.need(&[Part::Creation]);
    script.call("ch_ask ch_marks", marks)
}

/// Reads the answer, aligned with the question.
pub(crate) fn read(sections: &mut Sections, marks: usize) -> Result<Vec<bool>, Misread> {
    let letters = sections.take("marks")?;
    if letters.len() != marks {
        return Err(Misread::new("another count of marks than asked for"));
    }
    Ok(letters.iter().map(|letter| *letter == b'b').collect())
}

/// The file that says how far a program for a path has come.
pub(crate) fn mark(memory: &str, path: &str) -> String {
    use sha2::{Digest as _, Sha256};
    // A path can be longer than a name may be.
    format!("{memory}/begun/{:x}", Sha256::digest(path))
}

fn shown(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-+=.,:/@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
