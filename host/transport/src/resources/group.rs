//! A group of the system.

use super::Difference;

/// A group by this name.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its name.
    pub name: String,
}

/// How a group is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupFacts {
    /// Whether it exists.
    pub exists: bool,
}

impl Group {
    /// Returns what differs, if anything.
    pub fn compare(&self, facts: &GroupFacts) -> Option<Difference> {
        (!facts.exists).then(|| Difference {
            lines: vec!["create".to_owned()],
            content: false,
        })
    }
}
