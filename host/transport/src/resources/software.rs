//! Packages of the machine's own distribution.

use std::collections::{BTreeMap, BTreeSet};

use super::Difference;

/// Packages installed.
#[derive(Debug, Clone)]
pub struct Software {
    /// Their names.
    pub names: BTreeSet<String>,
    /// Whether they may start their services when installed.
    pub start: bool,
}

/// Packages removed, their configuration kept.
#[derive(Debug, Clone)]
pub struct NoSoftware {
    /// Their names.
    pub names: BTreeSet<String>,
}

/// Which of the asked packages are installed, with their versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoftwareFacts {
    /// Versions by name; a name that is not here is not installed.
    pub installed: BTreeMap<String, String>,
}

impl Software {
    /// Returns what has to be installed, if anything.
    pub fn compare(&self, facts: &SoftwareFacts) -> Option<Difference> {
        list(
            "install",
            self.names
                .iter()
                .filter(|name| !facts.installed.contains_key(*name)),
        )
    }

    /// The facts once the wish is met. Versions are only known where they were before.
    pub fn met(&self, before: &SoftwareFacts) -> SoftwareFacts {
        let mut installed = before.installed.clone();
        for name in &self.names {
            installed.entry(name.clone()).or_default();
        }
        SoftwareFacts { installed }
    }
}

impl NoSoftware {
    /// Returns what has to be removed, if anything.
    pub fn compare(&self, facts: &SoftwareFacts) -> Option<Difference> {
        list(
            "uninstall",
            self.names
                .iter()
                .filter(|name| facts.installed.contains_key(*name)),
        )
    }
}

fn list<'a>(verb: &str, names: impl Iterator<Item = &'a String>) -> Option<Difference> {
    let names: Vec<&str> = names.map(String::as_str).collect();
    (!names.is_empty()).then(|| Difference {
        lines: vec![format!("{verb} {}", names.join(" "))],
        content: false,
    })
}
