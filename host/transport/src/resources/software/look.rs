//! Which packages there are, as shell text and as its answer.

use std::collections::BTreeSet;

use super::{SoftwareFacts, packages};
use crate::shell::{Misread, Part, Refusal, Script, Sections};

/// Asks which of these packages are installed.
pub(crate) fn ask(script: &mut Script, names: &BTreeSet<String>) -> Result<(), Refusal> {
    script.need(&Part::SOFTWARE);
    script.call("ch_ask ch_software_look", packages(names)?)
}

/// Reads the answer. None where there is no package manager known here.
pub(crate) fn read(sections: &mut Sections) -> Result<Option<SoftwareFacts>, Misread> {
    let section = sections.any()?;
    match section.mark.as_str() {
        "software" => {}
        "end refused" => return Ok(None),
        _ => return Err(Misread::new("no list of packages")),
    }
    Ok(Some(facts(&String::from_utf8_lossy(&section.data))))
}

fn facts(text: &str) -> SoftwareFacts {
    let mut facts = SoftwareFacts::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["installed", name, version, rest @ ..] => {
                if let Some(architecture) = rest.first() {
                    let name = format!("{name}:{architecture}");
                    facts.installed.insert(name, (*version).to_owned());
                }
                let version = (*version).to_owned();
                facts.installed.insert((*name).to_owned(), version);
            }
            ["provided", name, by] => {
                facts.provided.insert((*name).to_owned(), (*by).to_owned());
            }
            _ => {}
        }
    }
    facts
}

impl SoftwareFacts {
    /// What of it is about these names.
    pub(crate) fn about(&self, names: &BTreeSet<String>) -> Self {
        let mut facts = self.clone();
        facts.installed.retain(|name, _| names.contains(name));
        facts.provided.retain(|name, _| names.contains(name));
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_is_installed_from_what_once_was() {
        let facts = facts(
            "installed libc6 2.36 amd64\nconfig-files exim4 4.96 all\nhalf-configured redis 7 amd64\n\
             package x is not installed\nprovided mail-agent postman\ninstalled trial 1-r0\n",
        );
        let installed: Vec<&str> = facts.installed.keys().map(String::as_str).collect();
        assert_eq!(installed, ["libc6", "libc6:amd64", "trial"]);
        assert_eq!(facts.provided["mail-agent"], "postman");
    }
}
