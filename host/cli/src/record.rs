//! The records of runs, where they are kept, and how one begins.

mod keep;
mod key;
mod opening;
mod shelf;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cellhost_effects::record::Journal;

use crate::error::{CommandError, Kind as Fault};
use crate::reach::Reach;
use crate::session::Session;

pub(crate) use keep::kept;
pub(crate) use key::key;
pub(crate) use opening::{Kind, Opening};
pub(crate) use shelf::{Ended, Entry, Shelf};

/// A record that was begun.
pub(crate) struct Begun {
    /// Where its record is.
    pub(crate) path: PathBuf,
    /// Writes to it.
    pub(crate) journal: Arc<Journal>,
}

/// The name of the run whose record is at a path.
pub(crate) fn name(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// Begins the record of a run on a plan: with everything that is needed to live through it once
/// more without the plan, the modules or a network.
pub(crate) fn begin(session: &Session, reach: &Reach, kind: Kind) -> Result<Begun, CommandError> {
    for (digest, bytes) in &session.bytes {
        keep::keep(digest, bytes)?;
    }
    let opening = Opening::of(session, reach.fingerprints(&*key()?), kind)?;
    let id = ulid::Ulid::new().to_string();
    let path = Shelf::open()?.place(&opening.cell, &id)?;
    let journal = Journal::begin(&path).map_err(|error| CommandError::new(Fault::Failed, error))?;
    append(&journal, "run", &opening)?;
    Ok(Begun {
        path,
        journal: Arc::new(journal),
    })
}

/// Adds a line that is on the disk when this returns.
pub(crate) fn append(
    journal: &Journal,
    kind: &str,
    body: &impl serde::Serialize,
) -> Result<(), CommandError> {
    journal
        .append(kind, body, true)
        .map_err(|error| CommandError::new(Fault::Failed, error))
}
