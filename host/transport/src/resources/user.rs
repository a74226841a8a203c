//! A user of the system.

use std::collections::BTreeSet;

use super::Difference;
use crate::shell::{Misread, Part, Refusal, Script, Sections, Settling, name};

/// A system user.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its own group.
    pub group: String,
    /// Its home.
    pub home: String,
    /// Its shell.
    pub shell: String,
    /// Groups it belongs to beside its own. Others are left alone.
    pub groups: BTreeSet<String>,
}

/// How a user is; all empty where there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserFacts {
    /// Whether it exists.
    pub exists: bool,
    /// Its own group.
    pub group: String,
    /// Its home.
    pub home: String,
    /// Its shell.
    pub shell: String,
    /// All groups it belongs to, its own included.
    pub groups: BTreeSet<String>,
}

impl User {
    /// Writes how it is made so.
    pub(crate) fn settle(&self, settling: &mut Settling) -> Result<(), Refusal> {
        settling.script.need(&[Part::Group, Part::User]);
        let mut words = vec![name("user", &self.name)?, name("group", &self.group)?];
        for (what, path) in [("home", &self.home), ("shell", &self.shell)] {
            if !path.starts_with('/') || path.contains([':', '\n']) {
                return Err(Refusal(format!("`{path}` is no {what} of a user")));
            }
            words.push(path);
        }
        for group in &self.groups {
            words.push(name("group", group)?);
        }
        settling.script.call("ch_do ch_user", words)
    }

    /// Returns what differs, if anything.
    pub fn compare(&self, facts: &UserFacts) -> Option<Difference> {
        let mut lines = Vec::new();
        if facts.exists {
            for (what, is, wished) in [
                ("group", &facts.group, &self.group),
                ("home", &facts.home, &self.home),
                ("shell", &facts.shell, &self.shell),
            ] {
                if is != wished {
                    lines.push(format!("{what} {is} -> {wished}"));
                }
            }
            lines.extend(
                self.groups
                    .difference(&facts.groups)
                    .map(|name| format!("join {name}")),
            );
        } else {
            lines.push("create".to_owned());
        }
        (!lines.is_empty()).then_some(Difference {
            lines,
            content: false,
        })
    }

    /// The facts once the wish is met.
    pub fn met(&self, before: &UserFacts) -> UserFacts {
        let mut groups = &before.groups | &self.groups;
        groups.insert(self.group.clone());
        UserFacts {
            exists: true,
            group: self.group.clone(),
            home: self.home.clone(),
            shell: self.shell.clone(),
            groups,
        }
    }
}

/// No user by this name. Its home and whatever else it owns stay.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct NoUser {
    /// Its name.
    pub name: String,
}

impl NoUser {
    /// Writes how it is removed.
    pub(crate) fn settle(&self, settling: &mut Settling) -> Result<(), Refusal> {
        settling.script.need(&[Part::Group, Part::User]);
        let name = removable("user", &self.name)?;
        settling.script.call("ch_do ch_no_user", [name])
    }

    /// Returns what differs, if anything.
    pub fn compare(&self, facts: &UserFacts) -> Option<Difference> {
        facts.exists.then(|| Difference {
            lines: vec!["remove".to_owned()],
            content: false,
        })
    }
}

/// Checks that a machine can do without this user or group.
pub(super) fn removable<'a>(what: &str, wanted: &'a str) -> Result<&'a str, Refusal> {
    if matches!(wanted, "root" | "0") {
        return Err(Refusal(format!(
            "the {what} `{wanted}` is not removed: a machine does not live without it"
        )));
    }
    name(what, wanted)
}

/// Asks about a user.
pub(crate) fn ask(script: &mut Script, user: &str) -> Result<(), Refusal> {
    script.need(&[Part::Group, Part::User]);
    script.call("ch_ask ch_user_look", [name("user", user)?])
}

/// Reads the answer: a line of passwd, its group's name, and the names of all its groups.
pub(crate) fn read(sections: &mut Sections) -> Result<UserFacts, Misread> {
    let data = sections.take("user")?;
    if data.is_empty() {
        return Ok(UserFacts::default());
    }
    let text = String::from_utf8_lossy(&data);
    let mut lines = text.lines();
    let entry: Vec<&str> = lines.next().unwrap_or_default().split(':').collect();
    let (Some(home), Some(shell), 7) = (entry.get(5), entry.get(6), entry.len()) else {
        return Err(Misread::new("no line of passwd"));
    };
    let group = lines.next().unwrap_or_default().trim();
    let groups = lines.next().unwrap_or_default().split_whitespace();
    Ok(UserFacts {
        exists: true,
        group: group.to_owned(),
        home: (*home).to_owned(),
        shell: (*shell).to_owned(),
        groups: groups.map(str::to_owned).collect(),
    })
}
