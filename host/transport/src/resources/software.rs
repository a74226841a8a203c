//! Packages of the machine's own distribution, by whichever manager it has.

mod look;
mod packager;

use std::collections::{BTreeMap, BTreeSet};

use super::Difference;
use crate::shell::{Part, Refusal, Settling, name};

pub(crate) use look::{ask, read};
pub(crate) use packager::Packager;

/// Packages installed.
#[derive(Debug, Clone, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Software {
    /// Their names.
    pub names: BTreeSet<String>,
    /// The exact version, as the machine's manager writes it, of those that have to have one.
    pub versions: BTreeMap<String, String>,
    /// Whether they may start their services when installed.
    pub start: bool,
}

/// Packages removed, their configuration kept.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct NoSoftware {
    /// Their names.
    pub names: BTreeSet<String>,
}

/// Which of the asked packages are installed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SoftwareFacts {
    /// Versions by name; a name that is not here is not installed.
    pub installed: BTreeMap<String, String>,
    /// Names that no installed package has, and one that provides each, such as a mail server for
    /// `mail-transport-agent`.
    pub provided: BTreeMap<String, String>,
}

impl Software {
    /// Writes how they are installed.
    pub(crate) fn settle(&self, settling: &mut Settling) -> Result<(), Refusal> {
        settling.script.need(&Part::SOFTWARE);
        let mut words = vec![if self.start { "yes" } else { "no" }.to_owned()];
        for package in packages(&self.names)? {
            words.push(match self.versions.get(package) {
                Some(version) => format!("{package}={}", checked(version)?),
                None => package.to_owned(),
            });
        }
        settling.script.call("ch_do ch_install", words)
    }

    /// Returns what has to be installed, if anything.
    pub fn compare(&self, facts: &SoftwareFacts) -> Option<Difference> {
        let mut lines = Vec::new();
        let mut missing = Vec::new();
        for name in &self.names {
            match (self.versions.get(name), facts.installed.get(name)) {
                (Some(wanted), Some(version)) if wanted != version => {
                    lines.push(format!("{name} {version} -> {wanted}"));
                }
                (_, Some(_)) => {}
                (Some(wanted), None) => missing.push(format!("{name}={wanted}")),
                (None, None) if facts.provided.contains_key(name) => {}
                (None, None) => missing.push(name.clone()),
            }
        }
        if !missing.is_empty() {
            lines.insert(0, format!("install {}", missing.join(" ")));
        }
        (!lines.is_empty()).then_some(Difference {
            lines,
            content: false,
        })
    }

    /// The facts once the wish is met. Versions are only known where they were before, or asked
    /// for.
    pub fn met(&self, before: &SoftwareFacts) -> SoftwareFacts {
        let mut facts = before.clone();
        for name in &self.names {
            if let Some(version) = self.versions.get(name) {
                facts.installed.insert(name.clone(), version.clone());
            } else if !facts.provided.contains_key(name) {
                facts.installed.entry(name.clone()).or_default();
            }
        }
        facts
    }
}

impl NoSoftware {
    /// Writes how they are removed.
    pub(crate) fn settle(&self, settling: &mut Settling) -> Result<(), Refusal> {
        settling.script.need(&Part::SOFTWARE);
        let names = packages(&self.names)?;
        settling.script.call("ch_do ch_uninstall", names)
    }

    /// Returns what has to be removed, if anything. What only provides such a name may stay.
    pub fn compare(&self, facts: &SoftwareFacts) -> Option<Difference> {
        let there = |name: &&String| facts.installed.contains_key(*name);
        let names: Vec<&str> = self
            .names
            .iter()
            .filter(there)
            .map(String::as_str)
            .collect();
        (!names.is_empty()).then(|| Difference {
            lines: vec![format!("uninstall {}", names.join(" "))],
            content: false,
        })
    }

    /// The facts once the wish is met.
    pub fn met(&self, before: &SoftwareFacts) -> SoftwareFacts {
        let mut facts = before.clone();
        facts.installed.retain(|name, _| !self.names.contains(name));
        facts
    }
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

/// Checks a version, which stands behind a package's name in one word.
fn checked(version: &str) -> Result<&str, Refusal> {
    let good = |c: char| c.is_ascii_alphanumeric() || "+._:~^-".contains(c);
    if version.starts_with(|c: char| c.is_ascii_alphanumeric()) && version.chars().all(good) {
        return Ok(version);
    }
    let shown = version.escape_debug();
    Err(Refusal(format!("`{shown}` is no version of a package")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(name: &str, version: Option<&str>) -> Software {
        let versions = version.map(|version| (name.to_owned(), version.to_owned()));
        Software {
            names: BTreeSet::from([name.to_owned()]),
            versions: versions.into_iter().collect(),
            start: false,
        }
    }

    fn lines(difference: Option<Difference>) -> Vec<String> {
        difference.map_or_else(Vec::new, |difference| difference.lines)
    }

    #[test]
    fn a_name_that_another_package_provides_is_there_and_is_not_removed() {
        let facts = SoftwareFacts {
            installed: BTreeMap::new(),
            provided: BTreeMap::from([("mail-agent".to_owned(), "postman".to_owned())]),
        };
        assert_eq!(wish("mail-agent", None).compare(&facts), None);
        let names = BTreeSet::from(["mail-agent".to_owned()]);
        assert_eq!(NoSoftware { names }.compare(&facts), None);
        let pinned = wish("mail-agent", Some("3"));
        assert_eq!(lines(pinned.compare(&facts)), ["install mail-agent=3"]);
        assert_eq!(wish("mail-agent", None).met(&facts), facts);
    }

    #[test]
    fn a_wanted_version_is_held_against_the_one_that_is_there() {
        let facts = SoftwareFacts {
            installed: BTreeMap::from([("redis".to_owned(), "7.0-1".to_owned())]),
            provided: BTreeMap::new(),
        };
        assert_eq!(wish("redis", Some("7.0-1")).compare(&facts), None);
        let newer = wish("redis", Some("7.2-1"));
        assert_eq!(lines(newer.compare(&facts)), ["redis 7.0-1 -> 7.2-1"]);
        assert_eq!(newer.compare(&newer.met(&facts)), None);
    }

    #[test]
    fn a_version_is_one_word_without_patterns() {
        assert!(checked("5:7.0.15-1~deb12u5+b1").is_ok());
        for wrong in ["", "1.2*", "-1", "1 2", "1/2", "1\n", "$(id)"] {
            assert!(checked(wrong).is_err(), "{wrong}");
        }
    }
}
