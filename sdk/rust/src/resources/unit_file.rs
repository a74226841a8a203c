use serde::Serialize;

use super::Resource;
use crate::Failure;
use crate::bindings::cellhost::state::state::{self, Content, Item, Rendering};

/// A unit of systemd, in `/etc/systemd/system`.
#[derive(Clone, Debug)]
pub struct UnitFile(state::UnitFile);

impl UnitFile {
    /// Wishes for a unit of this name, such as `mine.timer`, with this text.
    pub fn named(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self(state::UnitFile {
            name: name.into(),
            content: Content::Text(text.into()),
        })
    }

    /// Wishes for a unit of this name out of a template, rendered by the host with the fields of
    /// `variables`.
    pub fn rendered(
        name: impl Into<String>,
        template: &str,
        variables: &impl Serialize,
    ) -> Result<Self, Failure> {
        let rendering = Rendering {
            template: template.to_owned(),
            variables: serde_json::to_string(variables)?,
        };
        Ok(Self(state::UnitFile {
            name: name.into(),
            content: Content::Rendered(rendering),
        }))
    }
}

impl From<UnitFile> for Resource {
    fn from(unit: UnitFile) -> Self {
        Self(Item::UnitFile(unit.0))
    }
}

/// No unit by a name in `/etc/systemd/system`. What runs of it goes on running: stop and disable
/// it as a service first.
#[derive(Clone, Debug)]
pub struct NoUnitFile(String);

impl NoUnitFile {
    /// Wishes the unit of this name away.
    pub fn named(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

impl From<NoUnitFile> for Resource {
    fn from(unit: NoUnitFile) -> Self {
        Self(Item::NoUnitFile(unit.0))
    }
}
