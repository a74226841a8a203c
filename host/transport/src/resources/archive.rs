//! An archive unpacked into a directory of its version.

use super::download::{hash, source};
use super::{Difference, path, path::PathFacts};
use crate::FileKind;
use crate::digest::digest;
use crate::shell::{Part, Refusal, Settling, operand};

/// The file in an unpacked directory that says what was unpacked there.
const MARKER: &str = ".cellhost-archive";

/// An archive unpacked into a directory of its version: whole or not at all.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Archive {
    /// The directory of all versions.
    pub directory: String,
    /// The name of this one's directory in it.
    pub version: String,
    /// Where the archive comes from.
    pub source: Source,
    /// SHA-256 of the archive in hexadecimal.
    pub hash: String,
    /// How many leading parts of its members' names are dropped.
    pub strip: u8,
    /// Owner of all that is unpacked; none for the courier's user.
    pub owner: Option<String>,
    /// Group of all that is unpacked.
    pub group: Option<String>,
}

/// Where an archive comes from.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// It is fetched.
    Url(String),
    /// It is on the machine already.
    Path(String),
}

impl Archive {
    /// The directory that it is unpacked to.
    pub fn place(&self) -> String {
        format!("{}/{}", self.directory, self.version)
    }

    /// Where a file says that it was.
    pub fn marker(&self) -> String {
        format!("{}/{MARKER}", self.place())
    }

    /// What that file holds.
    pub fn mark(&self) -> String {
        let owner = self.owner.as_deref().unwrap_or("-");
        let group = self.group.as_deref().unwrap_or("-");
        format!("{} {} {owner} {group}\n", self.hash, self.strip)
    }

    /// Says that a name cannot be that of a version.
    pub fn check(&self) -> Result<(), String> {
        let fine = |c: char| c.is_ascii_alphanumeric() || "._+~-".contains(c);
        let version = &self.version;
        if version.starts_with(|c: char| c.is_ascii_alphanumeric())
            && version.chars().all(fine)
            && version.len() <= 100
            && version != "current"
        {
            return Ok(());
        }
        Err(format!(
            "`{}` is no version that can name a directory",
            version.escape_debug()
        ))
    }

    /// Writes how it is unpacked.
    pub(crate) fn settle(&self, settling: &mut Settling) -> Result<(), Refusal> {
        self.check().map_err(Refusal)?;
        settling
            .script
            .need(&[Part::File, Part::Memory, Part::Download, Part::Archive]);
        let place = operand(&self.place());
        let beside = settling.beside(&place);
        let (way, from) = match &self.source {
            Source::Url(url) => ("url", source(url)?.to_owned()),
            Source::Path(path) => ("path", operand(path)),
        };
        let words = [
            place.clone(),
            beside,
            way.to_owned(),
            from,
            hash(&self.hash)?.to_owned(),
            self.strip.to_string(),
            path::account(self.owner.as_deref())?,
            path::account(self.group.as_deref())?,
            MARKER.to_owned(),
            self.mark().trim_end().to_owned(),
        ];
        settling.script.call("ch_do ch_archive", words)?;
        settling.touched(&place);
        Ok(())
    }

    /// Returns what differs, given the facts about the marker.
    pub fn compare(&self, facts: &PathFacts) -> Option<Difference> {
        let line = match facts.kind {
            Some(_) if facts.hash == self.met().hash => return None,
            Some(_) => format!("unpack {} anew", self.version),
            None => format!("unpack {}", self.version),
        };
        Some(Difference {
            lines: vec![line],
            content: false,
        })
    }

    /// The facts about the marker once the wish is met.
    pub fn met(&self) -> PathFacts {
        let mark = self.mark();
        PathFacts {
            kind: Some(FileKind::File),
            mode: 0o644,
            owner: "root".to_owned(),
            group: "root".to_owned(),
            size: mark.len() as u64,
            hash: Some(digest(mark.as_bytes())),
            ..PathFacts::nothing()
        }
    }
}
