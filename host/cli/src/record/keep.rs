//! The bytes of modules that runs have used, by their hash, so that a run can be lived through
//! once more when its modules are nowhere else any longer.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use cellhost_manifest::digest as digest_of;
use cellhost_state::Store;
use tempfile::TempDir;

use super::Opening;
use crate::afar::refused;
use crate::directories;
use crate::error::{CommandError, Kind};
use crate::files;

fn directory() -> Result<PathBuf, CommandError> {
    Ok(directories::state()?.join("modules"))
}

/// Keeps a module.
pub(super) fn keep(digest: &str, bytes: &[u8]) -> Result<(), CommandError> {
    let directory = directory()?;
    directories::make(&directory)?;
    let path = directory.join(format!("{digest}.wasm"));
    if path.exists() {
        return Ok(());
    }
    files::write(&path, bytes, 0o600)
        .with_context(|| format!("cannot keep a copy of a module as `{}`", path.display()))
        .map_err(|error| CommandError::new(Kind::Failed, error))
}

/// Brings the modules of a run here from its cell's store, where they are not here yet.
pub(crate) async fn bring_modules(store: &Store, opening: &Opening) -> Result<(), CommandError> {
    for used in &opening.modules {
        if kept(&used.sha256).is_ok() {
            continue;
        }
        if let Some(bytes) = store.module(&used.sha256).await.map_err(refused)? {
            keep(&used.sha256, &bytes)?;
        }
    }
    Ok(())
}

/// A directory with the modules of a run and no others, where all of them were kept.
pub(crate) fn kept_apart(opening: &Opening) -> Result<TempDir, CommandError> {
    let place = tempfile::tempdir().map_err(|error| CommandError::new(Kind::Failed, error))?;
    for used in &opening.modules {
        let bytes = kept(&used.sha256)?;
        fs_err::write(place.path().join(format!("{}.wasm", used.sha256)), bytes)
            .map_err(|error| CommandError::new(Kind::Failed, error))?;
    }
    Ok(place)
}

/// Reads a module that was kept.
pub(crate) fn kept(digest: &str) -> Result<Vec<u8>, CommandError> {
    let failed = |error: anyhow::Error| CommandError::new(Kind::Failed, error);
    // The hash comes out of a record, and becomes a part of a path.
    if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(failed(anyhow!("the record names a module by no hash")));
    }
    let path = directory()?.join(format!("{digest}.wasm"));
    let bytes = fs_err::read(&path).map_err(|error| {
        failed(error.into()).hint("records are of use together with the modules beside them")
    })?;
    if digest_of(&bytes) == digest {
        Ok(bytes)
    } else {
        Err(failed(anyhow!(
            "`{}` is not the module that was kept there",
            path.display()
        )))
    }
}
