//! A directory.

use super::{Difference, path, path::PathFacts};
use crate::FileKind;
use crate::shell::{Part, Refusal, Settling, operand};

/// A directory. Missing parents are made with mode 0755.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Directory {
    /// Where.
    pub path: String,
    /// Permission bits; none keeps those of an existing one and gives a new one 0755.
    pub mode: Option<u32>,
    /// Owner; none keeps it.
    pub owner: Option<String>,
    /// Group; none keeps it.
    pub group: Option<String>,
}

impl Directory {
    /// Returns what differs, if anything. Something else at the path is never replaced: the
    /// machine's refusal is the answer then.
    pub fn compare(&self, facts: &PathFacts) -> Option<Difference> {
        let lines = match facts.kind {
            None => vec![format!("create, mode {:04o}", self.mode.unwrap_or(0o755))],
            Some(FileKind::Directory) => {
                facts.outside(self.mode, self.owner.as_deref(), self.group.as_deref())
            }
            Some(other) => vec![format!("{} is in the way", path::noun(other))],
        };
        (!lines.is_empty()).then_some(Difference {
            lines,
            content: false,
        })
    }

    /// Writes how it is made so.
    pub(crate) fn settle(&self, settling: &mut Settling) -> Result<(), Refusal> {
        settling.script.need(&[Part::File, Part::Directory]);
        let mode = path::octal(self.mode);
        let owner = path::account(self.owner.as_deref())?;
        let group = path::account(self.group.as_deref())?;
        let words = [operand(&self.path), mode, owner, group];
        settling.script.call("ch_do ch_directory", words)
    }

    /// The facts once the wish is met.
    pub fn met(&self, before: &PathFacts) -> PathFacts {
        let existed = before.kind == Some(FileKind::Directory);
        PathFacts {
            kind: Some(FileKind::Directory),
            mode: self
                .mode
                .unwrap_or(if existed { before.mode } else { 0o755 }),
            owner: path::kept(self.owner.as_deref(), existed, &before.owner),
            group: path::kept(self.group.as_deref(), existed, &before.group),
            ..PathFacts::nothing()
        }
    }
}
