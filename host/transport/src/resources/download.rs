//! A file that the machine fetches itself.

use super::placing::{Beside, Placing};
use super::{Difference, Facts, path, path::PathFacts};
use crate::FileKind;
use crate::shell::{Part, Refusal, Settling, operand};

/// A file with the content that a URL leads to, as long as that has this hash.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Download {
    /// Where it is put.
    pub path: String,
    /// Where it is fetched from: `https` or `http`.
    pub url: String,
    /// SHA-256 of the content in hexadecimal.
    pub hash: String,
    /// Permission bits; none keeps those of an existing file and gives a new one 0644.
    pub mode: Option<u32>,
    /// Owner; none keeps it.
    pub owner: Option<String>,
    /// Group; none keeps it.
    pub group: Option<String>,
}

impl Download {
    /// Writes how it is fetched, checked and put in its place.
    pub(crate) fn settle(&self, facts: &Facts, settling: &mut Settling) -> Result<(), Refusal> {
        settling
            .script
            .need(&[Part::File, Part::Memory, Part::Download]);
        let at = operand(&self.path);
        let mode = path::octal(self.mode);
        let owner = path::account(self.owner.as_deref())?;
        let group = path::account(self.group.as_deref())?;
        if matches!(facts, Facts::Path(facts) if !self.fetches(facts)) {
            let words = [at, mode, owner, group];
            return settling.script.call("ch_do ch_outside", words);
        }
        let outside = (self.mode, self.owner.as_deref(), self.group.as_deref());
        let words = [source(&self.url)?, hash(&self.hash)?];
        let beside = Beside {
            name: settling.beside(&operand(&self.path)),
            nested: None,
        };
        let mut placing = Placing::open(&self.path, beside, outside, facts, settling)?;
        settling.script.call("ch_do ch_fetch_into_place", words)?;
        let note = settling.note(&self.path, self.hash.clone())?;
        placing.ready(&note, None, settling)?;
        settling.script.call("ch_do ch_last", placing.lasting())?;
        placing.put(settling)
    }

    /// Whether it has to be fetched.
    pub(super) fn fetches(&self, facts: &PathFacts) -> bool {
        let file = facts.kind == Some(FileKind::File);
        !file || facts.hash.as_deref() != Some(self.hash.as_str())
    }

    /// Returns what differs, if anything.
    pub fn compare(&self, facts: &PathFacts) -> Option<Difference> {
        let mut lines = Vec::new();
        match facts.kind {
            Some(FileKind::File) if facts.hash.as_deref() == Some(self.hash.as_str()) => {
                let (owner, group) = (self.owner.as_deref(), self.group.as_deref());
                lines.extend(facts.outside(self.mode, owner, group));
            }
            None | Some(FileKind::File) => lines.push(format!("fetch {}", self.url)),
            Some(other) => {
                lines.push(format!("replace {}", path::noun(other)));
                lines.push(format!("fetch {}", self.url));
            }
        }
        (!lines.is_empty()).then_some(Difference {
            lines,
            content: false,
        })
    }

    /// The facts once the wish is met.
    pub fn met(&self, before: &PathFacts) -> PathFacts {
        let existed = before.kind == Some(FileKind::File);
        let kept = if existed { before.mode } else { 0o644 };
        PathFacts {
            kind: Some(FileKind::File),
            mode: self.mode.unwrap_or(kept),
            owner: path::kept(self.owner.as_deref(), existed, &before.owner),
            group: path::kept(self.group.as_deref(), existed, &before.group),
            hash: Some(self.hash.clone()),
            ..PathFacts::nothing()
        }
    }
}

/// Checks that this is a URL that only leads to the web.
pub(super) fn source(url: &str) -> Result<&str, Refusal> {
    let plain = url.chars().all(|c| c.is_ascii_graphic());
    if plain && (url.starts_with("https://") || url.starts_with("http://")) {
        Ok(url)
    } else {
        Err(Refusal(format!(
            "`{}` is no URL that is fetched: only `https` and `http` are",
            url.escape_debug()
        )))
    }
}

/// Checks that this is a SHA-256 in hexadecimal, as machines write it.
pub(super) fn hash(hash: &str) -> Result<&str, Refusal> {
    let digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    if hash.len() == 64 && hash.chars().all(digit) {
        Ok(hash)
    } else {
        Err(Refusal(format!(
            "`{}` is no SHA-256: it has 64 digits from 0 to 9 and a to f",
            hash.escape_debug()
        )))
    }
}
