//! How a file comes to its place: written beside it, given its outside, made to last, and renamed.

use super::{Facts, path};
use crate::FileKind;
use crate::shell::{Part, Refusal, Settling, operand};

/// The bits of a mode that a new file can have from the beginning.
const PLAIN: u32 = 0o666;

/// Where a file is until it is in its place.
#[derive(Debug)]
pub(crate) struct Beside {
    /// Its name in the same directory.
    pub(crate) name: String,
    /// The number of the nest that it may come to be in instead, and its name there: whether there is
    /// one, only the machine can tell.
    pub(crate) nested: Option<[String; 2]>,
}

impl Beside {
    /// The names that it can have.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.name).chain(self.nested.as_ref().map(|[_, name]| name))
    }

    /// As the shell is told it.
    fn words(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.name).chain(self.nested.iter().flatten())
    }
}

/// A file on its way to its place.
#[derive(Debug)]
pub(crate) struct Placing {
    /// Its place.
    pub(crate) at: String,
    /// Where it is until then.
    pub(crate) beside: Beside,
    /// The record in which its change is noted.
    pub(crate) record: String,
    outside: Outside,
}

/// What it is to be on the outside.
#[derive(Debug)]
struct Outside {
    mode: Option<u32>,
    owner: String,
    group: String,
    /// Whether nothing has to be asked of a file that stands there: it was looked at.
    known: bool,
}

impl Placing {
    /// Opens a file for a path, beside it; wishes of none keep what a file there has.
    pub(crate) fn open(
        path: &str,
        beside: Beside,
        (mode, owner, group): (Option<u32>, Option<&str>, Option<&str>),
        facts: &Facts,
        settling: &mut Settling,
    ) -> Result<Self, Refusal> {
        settling.script.need(&[Part::File, Part::Memory]);
        let before = match facts {
            Facts::Path(facts) if facts.kind == Some(FileKind::File) => Some(facts),
            _ => None,
        };
        let wished = |name| path::account(name);
        let outside = Outside {
            mode: mode.or(before.map(|before| before.mode)),
            owner: wished(owner.or(before.map(|before| before.owner.as_str())))?,
            group: wished(group.or(before.map(|before| before.group.as_str())))?,
            known: before.is_some(),
        };
        let at = operand(path);
        // Until it has its owner and group it is root's, and nobody else may do more with it than
        // with the finished one.
        let made = outside.mode.unwrap_or(0o644) & PLAIN;
        let modes = [format!("{made:o}"), format!("{:04o}", PLAIN & !made)];
        let words = std::iter::once(&at).chain(&modes).chain(beside.words());
        settling.script.call("ch_do ch_file_open", words)?;
        Ok(Self {
            at,
            beside,
            record: String::new(),
            outside,
        })
    }

    /// Says that its content is there; with a hash, that is checked.
    pub(crate) fn ready(
        &mut self,
        note: &[String; 3],
        hash: Option<&str>,
        settling: &mut Settling,
    ) -> Result<(), Refusal> {
        let Outside {
            mode,
            owner,
            group,
            known,
        } = &self.outside;
        let mode = if *known {
            path::octal(Some(mode.unwrap_or(0o644)))
        } else {
            path::octal(*mode)
        };
        let known = if *known { "yes" } else { "" };
        let words = [
            &self.at,
            &mode,
            owner,
            group,
            known,
            hash.unwrap_or_default(),
        ];
        self.record.clone_from(&note[0]);
        let note = note.iter().map(String::as_str);
        settling.script.call(
            "ch_do ch_file_ready",
            words.into_iter().map(AsRef::as_ref).chain(note),
        )
    }

    /// Whether a name of it is one that programs write in ways of their own.
    pub(crate) fn is_strange(&self) -> bool {
        let mut names = self.beside.names();
        names.any(|name| name.contains(['\n', '\r', '\\']))
    }

    /// What has to last before it can take its place: itself, the note, and all that leads to that,
    /// which may have been made just now.
    pub(crate) fn lasting(&self) -> impl Iterator<Item = String> {
        let ends = self.record.rmatch_indices('/').take(3);
        let ways = ends.filter_map(|(end, _)| self.record.get(..=end));
        let notes = std::iter::once(self.record.as_str()).chain(ways);
        self.beside.names().cloned().chain(notes.map(str::to_owned))
    }

    /// Puts it in its place.
    pub(crate) fn put(&self, settling: &mut Settling) -> Result<(), Refusal> {
        let words = std::iter::once(&self.at).chain(self.beside.words());
        settling.script.call("ch_do ch_file_put", words)?;
        settling.touched(&self.at);
        Ok(())
    }
}
