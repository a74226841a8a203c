use std::collections::BTreeMap;

use cellhost_artifact::Pin;
use cellhost_plan::CellName;
use serde::{Deserialize, Serialize};

use crate::Roster;

/// What stands above it, for whoever opens the file.
const HEAD: &str = "# Written by cellhost. Keep it with the plan: machines have their numbers in it, and \
                    modules their versions.\n\n";

/// The lock of the plans in one directory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Which machine has which number, by cell.
    #[serde(default)]
    pub cells: BTreeMap<CellName, Roster>,
    /// Which bytes the modules are that come from registries, by cell.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub modules: BTreeMap<CellName, Vec<Pin>>,
}

impl Document {
    /// Reads the text of a file.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// The text of its file.
    pub fn text(&self) -> Result<String, toml::ser::Error> {
        Ok(format!("{HEAD}{}", toml::to_string(self)?))
    }
}
