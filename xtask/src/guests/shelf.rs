use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context, Result};
use cellhost_packer::{Folder, componentize, pack};

use super::guest::{Guest, Language};
use super::workshop::Workshop;

/// The finished module files, each with the key that it was built under.
pub(super) struct Shelf {
    folder: PathBuf,
    _lock: File,
}

impl Shelf {
    /// Opens the shelf of a checkout; waits while somebody else has it open.
    pub(super) fn open(workshop: &Workshop) -> Result<Self> {
        let folder = workshop.shelf();
        fs_err::create_dir_all(&folder)?;
        let lock = File::create(folder.join(".lock"))?;
        if lock.try_lock().is_err() {
            eprintln!(" waiting for another build of the guests");
            lock.lock()?;
        }
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    /// Tells whether a guest is there, built under this key.
    pub(super) fn holds(&self, guest: &Guest, key: &str) -> bool {
        self.module(guest).is_file()
            && fs_err::read_to_string(self.label(guest)).is_ok_and(|own| own == key)
    }

    /// Finishes a compiled guest and puts it there.
    pub(super) fn put(&self, guest: &Guest, key: &str, compiled: &[u8]) -> Result<()> {
        let bytes = finish(guest, compiled).with_context(|| format!("guest `{}`", guest.name))?;
        let _ = std::fs::remove_file(self.label(guest));
        // Renamed into place, so that no reader ever sees half a module.
        let draft = self.folder.join(format!(".{}.draft", guest.name));
        fs_err::write(&draft, &bytes)?;
        fs_err::rename(&draft, self.module(guest))?;
        fs_err::write(self.label(guest), key)?;
        eprintln!("   built {} ({} KiB)", guest.name, bytes.len() / 1024);
        Ok(())
    }

    fn module(&self, guest: &Guest) -> PathBuf {
        self.folder.join(format!("{}.wasm", guest.name))
    }

    fn label(&self, guest: &Guest) -> PathBuf {
        self.folder.join(format!(".{}.key", guest.name))
    }
}

/// A guest without a manifest is there to be refused, and stays as bare as it is.
fn finish(guest: &Guest, compiled: &[u8]) -> Result<Vec<u8>> {
    if guest.folder.join("module.toml").is_file() {
        Ok(pack(compiled, Folder::load(&guest.folder)?)?)
    } else if guest.language == Language::Text {
        Ok(compiled.to_owned())
    } else {
        Ok(componentize(compiled)?)
    }
}
