//! What stands at a path, and the wish that nothing does.

mod content;
mod look;

use super::{Difference, memory};
use crate::FileKind;
use crate::shell::{Part, Refusal, Settling, name};

pub(crate) use content::{ask as ask_content, read as read_content};
pub(crate) use look::{HELD, ask, outside, read};

/// Longest content that a look brings along.
pub const CONTENT_LIMIT: u64 = 1 << 20;

/// Places whose loss ends a machine.
const TOP: [&str; 40] = [
    "",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/etc/ssh",
    "/etc/systemd",
    "/home",
    "/lib",
    "/lib32",
    "/lib64",
    "/lost+found",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/local",
    "/usr/sbin",
    "/usr/share",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/lib/cellhost",
    "/var/lib/dpkg",
    "/var/log",
    "/var/run",
    "/var/spool",
    "/var/tmp",
];

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathFacts {
    /// None where there is nothing.
    pub kind: Option<FileKind>,
    /// Permission bits; 0 where there is nothing.
    pub mode: u32,
    /// Owner by name, or number where it has none.
    pub owner: String,
    /// Group by name, or number where it has none.
    pub group: String,
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 of a regular file's content, in hexadecimal, where it was asked for.
    pub hash: Option<String>,
    /// Where a link points.
    pub target: Option<String>,
    /// A regular file's content, where it was asked for and is no longer than
    /// [`CONTENT_LIMIT`].
    pub content: Option<Content>,
}

/// What a file holds; not shown, because it may hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Content(pub Vec<u8>);

impl std::fmt::Debug for Content {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} bytes", self.0.len())
    }
}

impl PathFacts {
    /// The facts about a path with nothing there.
    pub fn nothing() -> Self {
        Self {
            kind: None,
            mode: 0,
            owner: String::new(),
            group: String::new(),
            size: 0,
            hash: None,
            target: None,
            content: None,
        }
    }

    /// What differs in mode, owner and group, in words; a wish of none leaves a thing alone.
    pub(super) fn outside(
        &self,
        mode: Option<u32>,
        owner: Option<&str>,
        group: Option<&str>,
    ) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(mode) = mode.filter(|mode| *mode != self.mode) {
            lines.push(format!("mode {:04o} -> {mode:04o}", self.mode));
        }
        if let Some(owner) = owner.filter(|owner| *owner != self.owner) {
            lines.push(format!("owner {} -> {owner}", self.owner));
        }
        if let Some(group) = group.filter(|group| *group != self.group) {
            lines.push(format!("group {} -> {group}", self.group));
        }
        lines
    }
}

/// Nothing at this path.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Absent {
    /// Where.
    pub path: String,
}

impl Absent {
    /// Writes how it is removed.
    pub(crate) fn settle(&self, settling: &mut Settling) -> Result<(), Refusal> {
        let path = self.removable()?;
        settling
            .script
            .need(&[Part::File, Part::Memory, Part::Absent]);
        let note = settling.note(&path, memory::absent())?;
        let words = std::iter::once(&path).chain(&note);
        settling.script.call("ch_do ch_absent", words)?;
        settling.touched(&path);
        Ok(())
    }

    /// The path, plainly written, where it may be removed at all.
    fn removable(&self) -> Result<String, Refusal> {
        let refuse = |why: &str| Err(Refusal(format!("`{}` is not removed: {why}", self.path)));
        if !self.path.starts_with('/') {
            return refuse("it does not begin at the root");
        }
        let names: Vec<&str> = self
            .path
            .split('/')
            .filter(|name| !matches!(*name, "" | "."))
            .collect();
        if names.contains(&"..") {
            return refuse("it leads upwards");
        }
        let plain: String = names.iter().flat_map(|name| ["/", name]).collect();
        if TOP.contains(&plain.as_str()) {
            return refuse("a machine does not live without it");
        }
        Ok(plain)
    }

    /// Returns what has to go, if anything.
    pub fn compare(&self, facts: &PathFacts) -> Option<Difference> {
        facts.kind.map(|_| Difference {
            lines: vec!["remove".to_owned()],
            content: false,
        })
    }
}

/// Permission bits as `chmod` reads them; empty for none.
pub(crate) fn octal(mode: Option<u32>) -> String {
    mode.map(|mode| format!("{mode:o}")).unwrap_or_default()
}

/// An owner or group as `chown` reads it; empty for none.
pub(super) fn account(account: Option<&str>) -> Result<String, Refusal> {
    match account {
        Some(account) if account.contains(':') => Err(Refusal(format!(
            "`{account}` is no name of a user or group"
        ))),
        Some(account) => Ok(name("user or group", account)?.to_owned()),
        None => Ok(String::new()),
    }
}

/// The word for what stands at a path.
pub(super) fn noun(kind: FileKind) -> &'static str {
    match kind {
        FileKind::File => "a file",
        FileKind::Directory => "a directory",
        FileKind::Link => "a link",
        FileKind::Other => "a device, socket or pipe",
    }
}

/// The owner or group that results: the wished one, else the one before, else root.
pub(super) fn kept(wished: Option<&str>, existed: bool, before: &str) -> String {
    match wished {
        Some(wished) => wished.to_owned(),
        None if existed => before.to_owned(),
        None => "root".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_to_remove_what_a_machine_lives_on() {
        for path in [
            "/",
            "//",
            "/.",
            "/etc/",
            "/var//lib",
            "/./usr",
            "/srv/..",
            "etc",
            "",
        ] {
            let absent = Absent {
                path: path.to_owned(),
            };
            assert!(absent.removable().is_err(), "{path}");
        }
    }

    #[test]
    fn removes_a_link_and_not_what_it_leads_to() {
        let absent = Absent {
            path: "/srv/link/".to_owned(),
        };
        assert_eq!(absent.removable().unwrap(), "/srv/link");
    }
}
