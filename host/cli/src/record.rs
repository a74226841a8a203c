//! Where records of runs are kept, and how one begins.

use std::path::{Path, PathBuf};

use cellhost_effects::record::Journal;
use cellhost_plan::Plan;

use crate::directories;
use crate::error::{CommandError, Kind};

/// Begins the record of a run on a plan.
pub(crate) fn begin(plan: &Plan) -> Result<(Journal, PathBuf), CommandError> {
    let failed = |error: anyhow::Error| CommandError::new(Kind::Failed, error);
    let directory = directories::state()?.join("runs").join(plan.cell.as_str());
    fs_err::create_dir_all(&directory).map_err(|error| failed(error.into()))?;
    let path = directory.join(format!("{}.jsonl", ulid::Ulid::new()));
    let journal = Journal::begin(&path).map_err(|error| failed(error.into()))?;
    Ok((journal, path))
}

/// The name of the run whose record is at a path.
pub(crate) fn name(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// Adds a record that is on the disk when this returns.
pub(crate) fn append(
    journal: &Journal,
    kind: &str,
    body: &serde_json::Value,
) -> Result<(), CommandError> {
    journal
        .append(kind, body, true)
        .map_err(|error| CommandError::new(Kind::Failed, error))
}
