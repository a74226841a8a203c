//! Who this computer is to machines that are leased to it.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use cellhost_manifest::digest;
use cellhost_plan::CellName;
use cellhost_transport::Owner;

use crate::cell_lock::user;
use crate::directories;
use crate::error::{CommandError, Kind};

/// One who owns no lease and never will.
pub(crate) fn onlooker(cell: &CellName) -> Owner {
    named(cell, String::new())
}

/// The owner of the leases of this process for a cell; which run it is for is not yet known.
pub(crate) fn owner(cell: &CellName) -> Result<Owner, CommandError> {
    Ok(named(cell, name()?))
}

/// The word for this computer and state directory.
pub(crate) fn name() -> Result<String, CommandError> {
    let state = directories::state()?;
    directories::make(&state)?;
    id(&state.join("controller"))
        .context("cannot keep a name of this controller for leases")
        .map_err(|error| CommandError::new(Kind::Failed, error))
}

/// What this computer calls itself.
pub(crate) fn host() -> String {
    let host = fs_err::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    host.trim().to_owned()
}

fn named(cell: &CellName, controller: String) -> Owner {
    Owner {
        token: ulid::Ulid::new().to_string(),
        controller,
        cell: cell.to_string(),
        user: user(),
        host: host(),
        run: String::new(),
    }
}

/// A word that no other controller has: made by chance once, and bound to this computer, so that a
/// state directory that is copied to another one makes no twin.
fn id(path: &Path) -> anyhow::Result<String> {
    let machine = fs_err::read("/etc/machine-id").unwrap_or_default();
    let machine: String = digest(&machine).chars().take(8).collect();
    Ok(format!("{}-{machine}", chosen(path)?))
}

fn chosen(path: &Path) -> anyhow::Result<String> {
    let directory = path.parent().context("a file stands in a directory")?;
    fs_err::create_dir_all(directory)?;
    loop {
        match fs_err::read_to_string(path) {
            Ok(text) => match ulid::Ulid::from_string(text.trim()) {
                Ok(id) => return Ok(id.to_string()),
                // Torn when power was lost; whoever reads it does so here first.
                Err(_) => fs_err::remove_file(path)?,
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        writeln!(file, "{}", ulid::Ulid::new())?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(path) {
            Ok(_) => {}
            // Somebody else was faster; theirs counts.
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_controller_keeps_its_name_and_another_has_another() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("state/controller");
        let first = id(&path).unwrap();
        assert_eq!(first, id(&path).unwrap());
        assert_ne!(first, id(&place.path().join("other")).unwrap());
        fs_err::write(&path, "01J").unwrap();
        let healed = id(&path).unwrap();
        assert_ne!(first, healed);
        assert_eq!(healed, id(&path).unwrap());
    }
}
