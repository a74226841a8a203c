//! A group of the system.

use super::Difference;
use crate::shell::{Misread, Part, Refusal, Script, Sections, Settling, name};

/// A group by this name.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
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
    /// Writes how it is made.
    pub(crate) fn settle(&self, settling: &mut Settling) -> Result<(), Refusal> {
        settling.script.need(&[Part::Group]);
        let name = name("group", &self.name)?;
        settling.script.call("ch_do ch_group", [name])
    }

    /// Returns what differs, if anything.
    pub fn compare(&self, facts: &GroupFacts) -> Option<Difference> {
        (!facts.exists).then(|| Difference {
            lines: vec!["create".to_owned()],
            content: false,
        })
    }
}

/// No group by this name.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct NoGroup {
    /// Its name.
    pub name: String,
}

impl NoGroup {
    /// Writes how it is removed.
    pub(crate) fn settle(&self, settling: &mut Settling) -> Result<(), Refusal> {
        settling.script.need(&[Part::Group]);
        let name = super::user::removable("group", &self.name)?;
        settling.script.call("ch_do ch_no_group", [name])
    }

    /// Returns what differs, if anything.
    pub fn compare(&self, facts: &GroupFacts) -> Option<Difference> {
        facts.exists.then(|| Difference {
            lines: vec!["remove".to_owned()],
            content: false,
        })
    }
}

/// Asks about a group.
pub(crate) fn ask(script: &mut Script, group: &str) -> Result<(), Refusal> {
    script.need(&[Part::Group]);
    script.call("ch_ask ch_group_look", [name("group", group)?])
}

/// Reads the answer.
pub(crate) fn read(sections: &mut Sections) -> Result<GroupFacts, Misread> {
    let exists = !sections.take("group")?.is_empty();
    Ok(GroupFacts { exists })
}
