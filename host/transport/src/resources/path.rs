//! What stands at a path, and the wish that nothing does.

use super::Difference;
use crate::FileKind;

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathFacts {
    /// None where there is nothing.
    pub kind: Option<FileKind>,
    /// Permission bits; 0 where there is nothing.
    pub mode: u32,
    /// Owner by name, or number where it has none.
    pub owner: String,
    /// Group by name, or number where it has none.
    pub group: String,
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 of a regular file's content, in hexadecimal, where it was asked for.
    pub hash: Option<String>,
    /// Where a link points.
    pub target: Option<String>,
}

impl PathFacts {
    /// The facts about a path with nothing there.
    pub fn nothing() -> Self {
        Self {
            kind: None,
            mode: 0,
            owner: String::new(),
            group: String::new(),
            size: 0,
            hash: None,
            target: None,
        }
    }

    /// What differs in mode, owner and group, in words; a wish of none leaves a thing alone.
    pub(super) fn outside(
        &self,
        mode: Option<u32>,
        owner: Option<&str>,
        group: Option<&str>,
    ) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(mode) = mode.filter(|mode| *mode != self.mode) {
            lines.push(format!("mode {:04o} -> {mode:04o}", self.mode));
        }
        if let Some(owner) = owner.filter(|owner| *owner != self.owner) {
            lines.push(format!("owner {} -> {owner}", self.owner));
        }
        if let Some(group) = group.filter(|group| *group != self.group) {
            lines.push(format!("group {} -> {group}", self.group));
        }
        lines
    }
}

/// Nothing at this path.
#[derive(Debug, Clone)]
pub struct Absent {
    /// Where.
    pub path: String,
}

impl Absent {
    /// Returns what has to go, if anything.
    pub fn compare(&self, facts: &PathFacts) -> Option<Difference> {
        facts.kind.map(|_| Difference {
            lines: vec!["remove".to_owned()],
            content: false,
        })
    }
}

/// The word for what stands at a path.
pub(super) fn noun(kind: FileKind) -> &'static str {
    match kind {
        FileKind::File => "a file",
        FileKind::Directory => "a directory",
        FileKind::Link => "a link",
        FileKind::Other => "a device, socket or pipe",
    }
}

/// The owner or group that results: the wished one, else the one before, else root.
pub(super) fn kept(wished: Option<&str>, existed: bool, before: &str) -> String {
    match wished {
        Some(wished) => wished.to_owned(),
        None if existed => before.to_owned(),
        None => "root".to_owned(),
    }
}
