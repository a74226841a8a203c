//! How a file comes to its place: written beside it, given its outside, made to last, and renamed.

use super::{Facts, path};
use crate::FileKind;
use crate::shell::{Part, Refusal, Settling, operand};

/// The bits of a mode that a new file can have from the beginning.
const PLAIN: u32 = 0o666;

/// A file on its way to its place.
#[derive(Debug)]
pub(crate) struct Placing {
    /// Its place.
    pub(crate) at: String,
    /// Where it is until then.
    pub(crate) beside: String,
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
    /// Opens a file for a path, under a name beside it; wishes of none keep what a file there has.
    pub(crate) fn open(
        path: &str,
        beside: String,
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
        let words = [
            at.clone(),
            beside.clone(),
            format!("{made:o}"),
            format!("{:04o}", PLAIN & !made),
        ];
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

    /// Whether its name is one that programs write in ways of their own.
    pub(crate) fn is_strange(&self) -> bool {
        self.beside.contains(['\n', '\r', '\\'])
    }

    /// What has to last before it can take its place.
    pub(crate) fn lasting(&self) -> [String; 3] {
        let records = self.record.rsplit_once('/').map_or("", |(place, _)| place);
        [
            self.beside.clone(),
            self.record.clone(),
            format!("{records}/"),
        ]
    }

    /// Puts it in its place.
    pub(crate) fn put(&self, settling: &mut Settling) -> Result<(), Refusal> {
        let words = [&self.at, &self.beside];
        settling.script.call("ch_do ch_file_put", words)?;
        settling.touched(&self.at);
        Ok(())
    }
}
