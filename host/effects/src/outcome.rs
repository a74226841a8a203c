//! What came of an effect.

use cellhost_transport::{Answer, FileStatus, octets, resources::Facts};
use serde::{Deserialize, Serialize};

/// What came of an effect, and how sure that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What was found or done.
    pub found: Found,
    /// How sure it is.
    pub certainty: Certainty,
}

impl Outcome {
    /// An outcome that a machine itself has told.
    pub fn exact(found: Found) -> Self {
        Self {
            found,
            certainty: Certainty::Exact,
        }
    }
}

/// How sure an outcome is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// Told by the machine, or certain to follow from what it told.
    Exact,
    /// What the module expects on a machine with the changes that were held back.
    Assumed,
    /// Told by a machine that the real run will not meet.
    Unknown,
}

/// What was found or done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// To an ensure: what became of each wish.
    Settled(Vec<Settlement>),
    /// To a probe or a wait.
    Answer(Answer),
    /// To a run; none where it was skipped.
    Ran(Option<Answer>),
    /// To a read.
    Bytes(#[serde(with = "octets")] Vec<u8>),
    /// To a status.
    Status(Option<FileStatus>),
    /// To a listing.
    Entries(Vec<String>),
    /// To a dial.
    Dialed(#[serde(with = "octets")] Vec<u8>),
    /// To a fact.
    Fact(Option<String>),
    /// To a pause.
    Paused,
    /// To a note.
    Noted,
    /// To a look. Only layers ask for it, all of them below the record.
    #[serde(skip)]
    Facts(Vec<Facts>),
}

/// What became of one wish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// What the wish was about.
    pub subject: String,
    /// What had to change, one line each; empty where nothing had to.
    pub lines: Vec<String>,
    /// The difference of the content of a text file, in unified form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// How sure that is.
    pub certainty: Certainty,
}

impl Settlement {
    /// Whether anything had to change.
    pub fn changed(&self) -> bool {
        !self.lines.is_empty()
    }
}
