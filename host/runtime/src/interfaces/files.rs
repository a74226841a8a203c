//! `cellhost:files/files`: looking at files.

use std::sync::Arc;

use cellhost_effects::{Act, EffectError, FileKind, FileStatus, Found};
use wasmtime::component::Resource;

use crate::Member;
use crate::contract::cellhost::files::files::{self as wit, Host};
use crate::store::TurnState;

/// Longest file that a module may read: it has to fit into its memory more than once.
const LONGEST: u32 = 16 << 20;

impl Host for TurnState {
    async fn read(
        &mut self,
        on: Resource<Arc<Member>>,
        path: String,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, wit::Error>> {
        let act = Act::Read {
            path,
            limit: limit.min(LONGEST),
        };
        Ok(match self.perform(&on, act).await? {
            Ok(outcome) => match outcome.found {
                Found::Bytes(bytes) => Ok(bytes),
                _ => Err(unanswered()),
            },
            Err(error) => Err(refused(error)),
        })
    }

    async fn stat(
        &mut self,
        on: Resource<Arc<Member>>,
        path: String,
    ) -> wasmtime::Result<Result<Option<wit::Status>, wit::Error>> {
        Ok(match self.perform(&on, Act::Status { path }).await? {
            Ok(outcome) => match outcome.found {
                Found::Status(found) => Ok(found.map(status)),
                _ => Err(unanswered()),
            },
            Err(error) => Err(refused(error)),
        })
    }

    async fn entries(
        &mut self,
        on: Resource<Arc<Member>>,
        path: String,
    ) -> wasmtime::Result<Result<Vec<String>, wit::Error>> {
        Ok(match self.perform(&on, Act::Entries { path }).await? {
            Ok(outcome) => match outcome.found {
                Found::Entries(entries) => Ok(entries),
                _ => Err(unanswered()),
            },
            Err(error) => Err(refused(error)),
        })
    }
}

fn status(status: FileStatus) -> wit::Status {
    wit::Status {
        kind: match status.kind {
            FileKind::File => wit::Kind::File,
            FileKind::Directory => wit::Kind::Directory,
            FileKind::Link => wit::Kind::Link,
            FileKind::Other => wit::Kind::Other,
        },
        size: status.size,
        mode: u16::try_from(status.mode & 0o7777).unwrap_or(0),
        owner: status.owner,
        group: status.group,
    }
}

fn unanswered() -> wit::Error {
    wit::Error::Other("no answer about the file".to_owned())
}

fn refused(error: EffectError) -> wit::Error {
    match error {
        EffectError::Denied { rule } => wit::Error::Denied(rule),
        EffectError::NotFound { .. } => wit::Error::NotFound,
        EffectError::TooLarge { bytes } => wit::Error::TooLarge(bytes),
        EffectError::Unreachable { reason, .. } => wit::Error::Unreachable(reason),
        other => wit::Error::Other(other.to_string()),
    }
}
