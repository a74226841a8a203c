//! A regular file.

use super::placing::{Beside, Placing};
use super::{Difference, Facts, path, path::PathFacts};
use crate::FileKind;
use crate::shell::{Part, Refusal, Settling, operand};

/// A regular file with this content.
#[derive(Clone)]
pub struct File {
    /// Where.
    pub path: String,
    /// What it holds, secrets and all.
    pub content: Vec<u8>,
    /// SHA-256 of the content in hexadecimal.
    pub hash: String,
    /// Permission bits; none keeps those of an existing file and gives a new one 0644.
    pub mode: Option<u32>,
    /// Owner; none keeps it.
    pub owner: Option<String>,
    /// Group; none keeps it.
    pub group: Option<String>,
    /// What has to stand there until now; where something else does, nothing is replaced.
    pub before: Option<Before>,
    /// Whether what it replaces is kept beside it.
    pub backup: bool,
}

/// What a new file may replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Before {
    /// Nothing.
    Nothing,
    /// A regular file whose content has this hash.
    Hash(String),
}

impl std::fmt::Debug for File {
    // The content may hold secrets.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("File")
            .field("path", &self.path)
            .field("bytes", &self.content.len())
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

impl File {
    /// Whether its content has to be written. A file that differs only outside is not sent, and
    /// nothing restarts for it.
    pub(crate) fn is_written(&self, facts: &Facts) -> bool {
        match facts {
            Facts::Path(facts) => facts.hash.as_deref() != Some(self.hash.as_str()),
            _ => true,
        }
    }

    /// Writes how the outside of a file is changed that holds what it should.
    pub(crate) fn settle(&self, settling: &mut Settling) -> Result<(), Refusal> {
        settling.script.need(&[Part::File]);
        let owner = path::account(self.owner.as_deref())?;
        let group = path::account(self.group.as_deref())?;
        let words = [operand(&self.path), path::octal(self.mode), owner, group];
        settling.script.call("ch_do ch_file_outside", words)
    }

    /// Writes how it is written beside its place.
    pub(crate) fn prepare(
        &self,
        beside: Beside,
        facts: &Facts,
        settling: &mut Settling,
    ) -> Result<Placing, Refusal> {
        let outside = (self.mode, self.owner.as_deref(), self.group.as_deref());
        let mut placing = Placing::open(&self.path, beside, outside, facts, settling)?;
        settling.content(&self.content)?;
        let note = settling.note(&self.path, self.hash.clone())?;
        let hash = placing.is_strange().then_some(self.hash.as_str());
        placing.ready(&note, hash, settling)?;
        Ok(placing)
    }

    /// Whether it can be put in its place together with others: nothing is asked of what it replaces,
    /// and nothing becomes of that.
    pub(crate) fn goes_with_others(&self, facts: &Facts) -> bool {
        let plain = |facts: &PathFacts| matches!(facts.kind, None | Some(FileKind::File));
        let plain = matches!(facts, Facts::Path(facts) if plain(facts));
        plain && self.before.is_none() && !self.backup
    }

    /// Writes how it is put in its place, once that lasts.
    pub(crate) fn put(
        &self,
        placing: &Placing,
        facts: &Facts,
        settling: &mut Settling,
    ) -> Result<(), Refusal> {
        if let Some(before) = &self.before {
            let hash = match before {
                Before::Nothing => "",
                Before::Hash(hash) => hash,
            };
            let words = [placing.at.as_str(), hash];
            settling.script.call("ch_do ch_file_still", words)?;
        }
        if let Facts::Path(facts) = facts
            && let Some(name) = self.kept(facts)
        {
            let words = [placing.at.as_str(), &operand(&name)];
            settling.script.call("ch_do ch_file_keep", words)?;
        }
        placing.put(settling)
    }

    /// Where what it replaces is kept: beside it, by the beginning of its hash.
    pub(crate) fn kept(&self, facts: &PathFacts) -> Option<String> {
        let known = match &self.before {
            Some(Before::Hash(hash)) => Some(hash),
            _ => None,
        };
        let old = facts.hash.as_ref().or(known)?;
        let replaced = facts.kind == Some(FileKind::File) && *old != self.hash;
        let beginning = old.get(..12).filter(|_| self.backup && replaced)?;
        Some(format!("{}.cellhost-{beginning}", self.path))
    }

    /// Returns what differs, if anything.
    pub fn compare(&self, facts: &PathFacts) -> Option<Difference> {
        let mut lines = Vec::new();
        let mut content = false;
        match facts.kind {
            None => {
                lines.push(format!("create, mode {:04o}", self.mode.unwrap_or(0o644)));
                content = true;
            }
            Some(FileKind::File) => {
                if facts.hash.as_deref() != Some(self.hash.as_str()) {
                    lines.push("content".to_owned());
                    content = true;
                }
                lines.extend(facts.outside(
                    self.mode,
                    self.owner.as_deref(),
                    self.group.as_deref(),
                ));
            }
            Some(other) => {
                lines.push(format!("replace {}", super::path::noun(other)));
                content = true;
            }
        }
        if let Some(name) = self.kept(facts) {
            lines.push(format!("keep what it held as {name}"));
        }
        (!lines.is_empty()).then_some(Difference { lines, content })
    }

    /// The facts once the wish is met.
    pub fn met(&self, before: &PathFacts) -> PathFacts {
        let existed = before.kind == Some(FileKind::File);
        PathFacts {
            kind: Some(FileKind::File),
            mode: self
                .mode
                .unwrap_or(if existed { before.mode } else { 0o644 }),
            owner: super::path::kept(self.owner.as_deref(), existed, &before.owner),
            group: super::path::kept(self.group.as_deref(), existed, &before.group),
            size: self.content.len() as u64,
            hash: Some(self.hash.clone()),
            content: (self.content.len() as u64 <= path::CONTENT_LIMIT)
                .then(|| path::Content(self.content.clone())),
            ..PathFacts::nothing()
        }
    }
}
