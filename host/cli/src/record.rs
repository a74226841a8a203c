//! The records of runs, where they are kept, and how one begins.

mod keep;
mod key;
mod opening;
mod shelf;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::anyhow;
use cellhost_effects::record::{Journal, JournalError, Record};

use crate::afar::refused;
use crate::error::{CommandError, Kind as Fault};
use crate::reach::Reach;
use crate::session::Session;

pub(crate) use keep::{bring_modules, kept, kept_apart};
pub(crate) use key::{key, mark};
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
///
/// Where the cell has a store the record goes there too, but for what only looks.
pub(crate) async fn begin(
    session: &Session,
    reach: &Reach,
    kind: Kind,
) -> Result<Begun, CommandError> {
    for (digest, bytes) in &session.bytes {
        keep::keep(digest, bytes)?;
    }
    let key = key()?;
    let opening = Opening::of(session, key::mark(&key), reach.fingerprints(&key), kind)?;
    let id = ulid::Ulid::new().to_string();
    let path = Shelf::open()?.place(&opening.cell, &id)?;
    let journal = match session
        .far()
        .and_then(|far| Some((&far.store, far.hold()?)))
    {
        Some((store, hold)) => {
            for (digest, bytes) in &session.bytes {
                store.keep_module(digest, bytes).await.map_err(refused)?;
            }
            store
                .begin(&path, hold)
                .map(Journal::over)
                .map_err(JournalError::from)
        }
        None => Journal::begin(&path),
    };
    let journal = journal.map_err(|error| CommandError::new(Fault::Failed, error))?;
    append(&journal, "run", &opening).await?;
    Ok(Begun {
        path,
        journal: Arc::new(journal),
    })
}

/// Goes on with a record. Of one that is in a store too, so many lines are there.
pub(crate) fn resume(
    session: &Session,
    path: &Path,
    lines: Option<u64>,
) -> anyhow::Result<(Journal, Record)> {
    let Some((store, hold)) = session
        .far()
        .and_then(|far| Some((&far.store, far.hold()?)))
    else {
        return Ok(Journal::resume(path)?);
    };
    let record = Record::read(path)?;
    let sink = store.resume(path, record.length, lines.unwrap_or(0), hold)?;
    Ok((Journal::after(&record, sink), record))
}

/// What came of closing a record: wrong in any case where its store or the cell's lock was lost on
/// the way.
pub(crate) fn closed(
    closed: Result<(), CommandError>,
    session: &Session,
    path: &Path,
) -> Result<(), CommandError> {
    let Some(reason) = session.loss().and_then(|loss| loss.reason()) else {
        return closed;
    };
    let lost = CommandError::new(Fault::Failed, anyhow!("{reason}"));
    Err(lost.hint(format!(
        "all of it is in `{}`; `cellhost resume` from here takes up what the store does not have, \
         and goes on",
        path.display()
    )))
}

/// Adds a line that is where it has to be when this returns.
pub(crate) async fn append(
    journal: &Journal,
    kind: &str,
    body: &impl serde::Serialize,
) -> Result<(), CommandError> {
    let kept = journal.keep(kind, body).await;
    kept.map_err(|error| CommandError::new(Fault::Failed, error))
}
