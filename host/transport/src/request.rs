//! What a courier is asked and what it answers.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Settled;
use crate::lease::{Claim, Lease, Tenure, Withheld};
use crate::realm::Realm;
use crate::resources::{Facts, Identity, Task};

/// One thing asked of a machine.
#[derive(Debug, Clone)]
pub enum Request {
    /// How do these things stand? Changes nothing; one exchange however long the list is.
    Look(Vec<Identity>),
    /// Settle these wishes in order, but for those that need one that failed. Only wishes that
    /// differ are listed here.
    Settle(Vec<Task>),
    /// Run a program.
    Command(Command),
    /// Read a regular file of at most `limit` bytes.
    Read {
        /// Where.
        path: String,
        /// Longest content wanted.
        limit: u64,
    },
    /// Read the outside of a file.
    Status {
        /// Where.
        path: String,
    },
    /// List a directory.
    Entries {
        /// Where.
        path: String,
    },
    /// Talk to a port as seen from the machine.
    Dial(Dial),
    /// What is this machine? Answered from the courier's greeting.
    Machine,
    /// Something about the machine's lease.
    Lease(Tenure),
    /// This request, but only where a lease is held; one exchange for both.
    Leased {
        /// The lease.
        claim: Claim,
        /// The request.
        request: Box<Request>,
    },
    /// This request, but none of its paths may lead out of a realm.
    Within {
        /// The realm.
        realm: Realm,
        /// The request.
        request: Box<Request>,
    },
}

impl Request {
    /// What is asked, under whatever lease and in whatever realm.
    pub fn asked(&self) -> &Self {
        match self {
            Self::Leased { request, .. } | Self::Within { request, .. } => request.asked(),
            request => request,
        }
    }
}

/// The reply to a request of the same name.
#[derive(Debug, Clone)]
pub enum Reply {
    /// To [`Request::Look`], in its order.
    Facts(Vec<Facts>),
    /// To [`Request::Settle`].
    Settled(Settled),
    /// To [`Request::Command`].
    Answer(Answer),
    /// To [`Request::Read`]: the bytes.
    Bytes(Vec<u8>),
    /// To [`Request::Read`]: there is no regular file there.
    NotFound,
    /// To [`Request::Read`]: it is this long.
    TooLarge(u64),
    /// To [`Request::Status`].
    Status(Option<FileStatus>),
    /// To [`Request::Entries`]; sorted. None where there is no directory.
    Entries(Option<Vec<String>>),
    /// To [`Request::Dial`].
    Dialed(DialOutcome),
    /// To [`Request::Machine`]: facts by name.
    Machine(BTreeMap<String, String>),
    /// To [`Request::Lease`]: the lease that stands there now.
    Lease(Option<Box<Lease>>),
    /// To [`Request::Leased`], and to whoever inherits: nothing was done.
    Withheld(Withheld),
    /// To [`Request::Within`]: a path leads elsewhere, in the machine's own words. Nothing was done there.
    Astray(String),
    /// The machine could not do it (permission denied, file system error): its own words.
    Refused(String),
}

/// A program to run. Everything secret in it has its value by now.
#[derive(Clone)]
pub struct Command {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// What it reads.
    pub input: Vec<u8>,
    /// Variables set for it.
    pub environment: Vec<(String, String)>,
    /// The user it runs as, where that is not the courier's own.
    pub user: Option<String>,
    /// When it is ended.
    pub deadline: Duration,
    /// How many bytes of each stream are kept; the rest is read and dropped.
    pub limit: usize,
}

impl std::fmt::Debug for Command {
    // Input and environment may hold secrets.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Command")
            .field("argv", &self.argv)
            .field("input_bytes", &self.input.len())
            .field(
                "environment",
                &self
                    .environment
                    .iter()
                    .map(|(name, _)| name)
                    .collect::<Vec<_>>(),
            )
            .field("user", &self.user)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Answer {
    /// Its exit status; 128 and the signal's number where a signal ended it.
    pub status: i32,
    /// What it wrote to standard output.
    #[serde(with = "crate::octets")]
    pub output: Vec<u8>,
    /// What it wrote to standard error.
    #[serde(with = "crate::octets")]
    pub errors: Vec<u8>,
}

/// A question to a port.
#[derive(Debug, Clone)]
pub struct Dial {
    /// Address or name.
    pub address: String,
    /// Port.
    pub port: u16,
    /// What to send.
    pub send: Vec<u8>,
    /// How many bytes to wait for at most.
    pub limit: u32,
    /// How long to wait at most.
    pub deadline: Duration,
}

/// What a port said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DialOutcome {
    /// Bytes, until it closed, the limit or the deadline.
    Bytes(Vec<u8>),
    /// Nobody listens there.
    Refused,
    /// No answer in time.
    Deadline,
    /// Anything else, in words.
    Failed(String),
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A device, socket or pipe.
    Other,
}

/// The outside of a file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FileStatus {
    /// What it is.
    pub kind: FileKind,
    /// Its length in bytes.
    pub size: u64,
    /// Its permission bits.
    pub mode: u32,
    /// Its owner's name, or number.
    pub owner: String,
    /// Its group's name, or number.
    pub group: String,
}
