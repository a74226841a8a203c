//! The key under which the values of secrets are told apart.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use cellhost_manifest::digest;
use rustix::rand::{GetRandomFlags, getrandom};
use zeroize::Zeroizing;

use crate::directories;
use crate::error::{CommandError, Kind};

/// Reads the key of this computer, or makes it. It never leaves the state directory: without it,
/// nobody can try out values on a record.
pub(crate) fn key() -> Result<Zeroizing<[u8; 32]>, CommandError> {
    let directory = directories::state()?;
    directories::make(&directory)?;
    let path = directory.join("fingerprint.key");
    read(&path)
        .with_context(|| format!("the key `{}` cannot be used", path.display()))
        .map_err(|error| {
            CommandError::new(Kind::Failed, error)
                .hint("without it nobody can tell whether secrets are still what they were")
        })
}

/// Stands for a key in a record, so that it is known whether it is the one that is here.
pub(crate) fn mark(key: &[u8; 32]) -> String {
    let mut text = b"the mark of a key\0".to_vec();
    text.extend_from_slice(key);
    digest(&text).chars().take(16).collect()
}

fn read(path: &Path) -> anyhow::Result<Zeroizing<[u8; 32]>> {
    if !path.exists() {
        make(path)?;
    }
    let bytes = Zeroizing::new(fs_err::read(path)?);
    let key: [u8; 32] = bytes
        .as_slice()
        .try_into()
        .map_err(|_| anyhow!("it is not 32 bytes long"))?;
    Ok(Zeroizing::new(key))
}

fn make(path: &Path) -> anyhow::Result<()> {
    let mut key = Zeroizing::new([0; 32]);
    getrandom(&mut key[..], GetRandomFlags::empty())?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .permissions(std::fs::Permissions::from_mode(0o600))
        .tempfile_in(folder)?;
    file.write_all(&key[..])?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        // Another run was quicker; its key is as good.
        Err(_) if path.exists() => Ok(()),
        Err(error) => Err(error.error.into()),
    }
}
