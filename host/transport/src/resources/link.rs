//! A symbolic link.

use super::{Difference, memory, path, path::PathFacts};
use crate::FileKind;
use crate::shell::{Part, Refusal, Settling, operand};

/// A symbolic link.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Link {
    /// Where the link stands.
    pub path: String,
    /// What it points at, as written.
    pub target: String,
}

impl Link {
    /// Returns what differs, if anything. A directory in the way is not replaced.
    pub fn compare(&self, facts: &PathFacts) -> Option<Difference> {
        let line = match facts.kind {
            None => format!("create -> {}", self.target),
            Some(FileKind::Link) if facts.target.as_deref() == Some(self.target.as_str()) => {
                return None;
            }
            Some(FileKind::Link) => {
                format!(
                    "{} -> {}",
                    facts.target.as_deref().unwrap_or("?"),
                    self.target
                )
            }
            Some(other) => format!("replace {}", path::noun(other)),
        };
        Some(Difference {
            lines: vec![line],
            content: false,
        })
    }

    /// Writes how it is made so.
    pub(crate) fn settle(&self, settling: &mut Settling) -> Result<(), Refusal> {
        settling
            .script
            .need(&[Part::File, Part::Memory, Part::Link]);
        let path = operand(&self.path);
        let beside = settling.beside(&path);
        let note = settling.note(&self.path, memory::link(&self.target))?;
        let words = [path.clone(), self.target.clone(), beside];
        settling
            .script
            .call("ch_do ch_link", words.iter().chain(&note))?;
        settling.touched(&path);
        Ok(())
    }

    /// The facts once the wish is met.
    pub fn met(&self) -> PathFacts {
        PathFacts {
            kind: Some(FileKind::Link),
            mode: 0o777,
            target: Some(self.target.clone()),
            owner: "root".to_owned(),
            group: "root".to_owned(),
            ..PathFacts::nothing()
        }
    }
}
