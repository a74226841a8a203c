//! A regular file.

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
    /// Writes how it is put in its place.
    pub(crate) fn settle(&self, facts: &Facts, settling: &mut Settling) -> Result<(), Refusal> {
        settling.script.need(&[Part::File, Part::Memory]);
        let at = operand(&self.path);
        let holds = match facts {
            Facts::Path(facts) => facts.hash.as_deref() == Some(self.hash.as_str()),
            _ => false,
        };
        // A file that differs only outside is not sent, and nothing restarts for it.
        if holds {
            let owner = path::account(self.owner.as_deref())?;
            let group = path::account(self.group.as_deref())?;
            let words = [at, path::octal(self.mode), owner, group];
            return settling.script.call("ch_do ch_file_outside", words);
        }
        let beside = settling.beside(&at);
        settling.script.call("ch_do ch_file_open", [&at, &beside])?;
        settling.content(&self.content)?;
        if let Some(before) = &self.before {
            let hash = match before {
                Before::Nothing => "",
                Before::Hash(hash) => hash,
            };
            settling.script.call("ch_do ch_file_still", [&at, hash])?;
        }
        if let Facts::Path(facts) = facts
            && let Some(name) = self.kept(facts)
        {
            let words = [&at, &operand(&name)];
            settling.script.call("ch_do ch_file_keep", words)?;
        }
        let mut words = vec![
            at.clone(),
            path::octal(self.mode),
            path::account(self.owner.as_deref())?,
            path::account(self.group.as_deref())?,
            self.hash.clone(),
        ];
        words.extend(settling.note(&self.path, self.hash.clone())?);
        settling.script.call("ch_do ch_file_close", words)?;
        settling.touched(&at);
        Ok(())
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
