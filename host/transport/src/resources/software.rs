//! Packages of the machine's own distribution.

use std::collections::{BTreeMap, BTreeSet};

use super::Difference;
use crate::shell::{Misread, Part, Refusal, Script, Sections, Settling, name};

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
    /// Writes how they are installed.
    pub(crate) fn settle(&self, settling: &mut Settling) -> Result<(), Refusal> {
        settling.script.need(&[Part::Software]);
        let mut words = vec![if self.start { "yes" } else { "no" }];
        words.extend(packages(&self.names)?);
        settling.script.call("ch_do ch_install", words)
    }

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
    /// Writes how they are removed.
    pub(crate) fn settle(&self, settling: &mut Settling) -> Result<(), Refusal> {
        settling.script.need(&[Part::Software]);
        let names = packages(&self.names)?;
        settling.script.call("ch_do ch_uninstall", names)
    }

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

/// Asks which of these packages are installed.
pub(crate) fn ask(script: &mut Script, names: &BTreeSet<String>) -> Result<(), Refusal> {
    script.need(&[Part::Software]);
    script.call("ch_ask ch_software_look", packages(names)?)
}

/// Reads the answer: versions by name. None where there is no package manager known here.
pub(crate) fn read(sections: &mut Sections) -> Result<Option<BTreeMap<String, String>>, Misread> {
    let section = sections.any()?;
    match section.mark.as_str() {
        "software" => {}
        "end refused" => return Ok(None),
        _ => return Err(Misread::new("no list of packages")),
    }
    let text = String::from_utf8_lossy(&section.data);
    let mut installed = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        if let (Some(name), Some("installed"), Some(version)) =
            (words.next(), words.next(), words.next())
        {
            installed.insert(name.to_owned(), version.to_owned());
        }
    }
    Ok(Some(installed))
}

/// Checks names of packages. One that ends in `-` would be removed instead of installed.
fn packages(names: &BTreeSet<String>) -> Result<Vec<&str>, Refusal> {
    let check = |package: &'_ String| {
        if package.ends_with('-') || package.contains(['@', '\\', '_']) {
            return Err(Refusal(format!(
                "`{}` is no name of a package",
                package.escape_debug()
            )));
        }
        name("package", package).map(drop)
    };
    names.iter().try_for_each(check)?;
    Ok(names.iter().map(String::as_str).collect())
}

fn list<'a>(verb: &str, names: impl Iterator<Item = &'a String>) -> Option<Difference> {
    let names: Vec<&str> = names.map(String::as_str).collect();
    (!names.is_empty()).then(|| Difference {
        lines: vec![format!("{verb} {}", names.join(" "))],
        content: false,
    })
}
