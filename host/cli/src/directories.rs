//! Where cellhost keeps things on this computer.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use etcetera::BaseStrategy as _;

use crate::error::{CommandError, Kind};

/// Where compiled modules are kept: `CELLHOST_CACHE`, else below the user's cache directory.
pub(crate) fn cache() -> Result<PathBuf, CommandError> {
    directory("CELLHOST_CACHE", etcetera::BaseStrategy::cache_dir)
}

/// Where records of runs are kept: `CELLHOST_STATE`, else below the user's state directory.
pub(crate) fn state() -> Result<PathBuf, CommandError> {
    directory("CELLHOST_STATE", |base| {
        base.state_dir().unwrap_or_else(|| base.data_dir())
    })
}

/// Makes a directory that nobody else can look into, and those above it.
pub(crate) fn make(path: &Path) -> Result<(), CommandError> {
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path);
    made.with_context(|| format!("cannot make `{}`", path.display()))
        .map_err(|error| CommandError::new(Kind::Failed, error))
}

fn directory(
    variable: &str,
    standard: impl Fn(&etcetera::base_strategy::Xdg) -> PathBuf,
) -> Result<PathBuf, CommandError> {
    if let Some(path) = std::env::var_os(variable).filter(|path| !path.is_empty()) {
        return Ok(PathBuf::from(path));
    }
    let base = etcetera::base_strategy::Xdg::new()
        .context("cannot find your home directory")
        .map_err(|error| {
            CommandError::new(Kind::Failed, error).hint(format!("set HOME or {variable}"))
        })?;
    Ok(standard(&base).join("cellhost"))
}
