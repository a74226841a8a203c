//! A user of the system.

use std::collections::BTreeSet;

use super::Difference;

/// A system user.
#[derive(Debug, Clone)]
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
