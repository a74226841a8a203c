//! The bytes of modules that runs have used, by their hash, so that a run can be lived through
//! once more when its modules are nowhere else any longer.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use cellhost_manifest::digest as digest_of;

use crate::directories;
use crate::error::{CommandError, Kind};

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
    let write = || -> anyhow::Result<()> {
        let mut file = tempfile::Builder::new()
            .permissions(std::fs::Permissions::from_mode(0o600))
            .tempfile_in(&directory)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        Ok(())
    };
    write()
        .with_context(|| format!("cannot keep a copy of a module as `{}`", path.display()))
        .map_err(|error| CommandError::new(Kind::Failed, error))
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
