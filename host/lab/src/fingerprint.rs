//! A sum over all that is on a machine's disk.
//!
//! A disk is an image with the machine's own layer over it, so the sum is taken over the image's
//! key and over how the layer differs from the image. A file that was copied into the layer and
//! is still as in the image is no difference: the sum speaks of what the machine sees.
//! Nothing on the disk is left out, and nothing that lives in memory only (`/run`, `/tmp`,
//! `/proc`, `/sys`, `/dev`) is on it. Times are left out.

mod entry;

use std::{
    collections::BTreeSet,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use crate::{LabError, hexadecimal::hexadecimal};
use entry::Entry;

/// Sums up a machine's disk, and lists how it differs from the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// The sum in hexadecimal digits.
    pub digest: String,
    /// One line for each difference from the image, sorted by path.
    pub differences: Vec<String>,
}

/// Takes the fingerprint of the disk whose own layer is `upper`.
pub(crate) fn take(lower: &Path, key: &str, upper: &Path) -> Result<Fingerprint, LabError> {
    let mut walk = Walk {
        lower,
        upper,
        differences: Vec::new(),
    };
    walk.directory(Path::new(""), true)?;
    let mut digest = Sha256::new();
    digest.update(key);
    for line in &walk.differences {
        digest.update([0]);
        digest.update(line);
    }
    Ok(Fingerprint {
        digest: hexadecimal(&digest.finalize()),
        differences: walk.differences,
    })
}

struct Walk<'a> {
    lower: &'a Path,
    upper: &'a Path,
    differences: Vec<String>,
}

impl Walk<'_> {
    /// Compares what the layer holds of a directory; `merged` means the image shines through.
    fn directory(&mut self, path: &Path, merged: bool) -> Result<(), LabError> {
        let mut names = names(&self.upper.join(path))?;
        if !merged {
            names.extend(names_if_directory(&self.lower.join(path))?);
        }
        for name in names {
            self.entry(&path.join(name))?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path) -> Result<(), LabError> {
        let before = Entry::read(&self.lower.join(path))?;
        let layer = Entry::read(&self.upper.join(path))?.filter(|entry| !entry.is_whiteout());
        let is_directory = layer.as_ref().is_some_and(Entry::is_directory);
        if layer != before {
            let text = layer.map_or_else(|| String::from("removed"), |entry| entry.to_string());
            self.differences.push(format!("{} {text}", path.display()));
        }
        if is_directory {
            let merged = before.is_some_and(|entry| entry.is_directory())
                && !entry::is_opaque(&self.upper.join(path))?;
            self.directory(path, merged)?;
        }
        Ok(())
    }
}

fn names(directory: &Path) -> Result<BTreeSet<OsString>, LabError> {
    let mut names = BTreeSet::new();
    for entry in fs_err::read_dir(directory)? {
        names.insert(entry?.file_name());
    }
    Ok(names)
}

/// Lists a directory of the image, which may have something else or nothing at that path.
fn names_if_directory(path: &PathBuf) -> Result<BTreeSet<OsString>, LabError> {
    match fs_err::symlink_metadata(path) {
        Ok(found) if found.is_dir() => names(path),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(BTreeSet::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Disk(tempfile::TempDir);

    impl Disk {
        fn new() -> Self {
            let place = tempfile::tempdir().unwrap();
            for directory in ["lower/etc", "upper/etc"] {
                std::fs::create_dir_all(place.path().join(directory)).unwrap();
            }
            let disk = Self(place);
            disk.write("lower/etc/motd", "hello");
            disk
        }

        fn write(&self, path: &str, text: &str) {
            std::fs::write(self.0.path().join(path), text).unwrap();
        }

        fn take(&self) -> Fingerprint {
            take(
                &self.0.path().join("lower"),
                "key",
                &self.0.path().join("upper"),
            )
            .unwrap()
        }
    }

    #[test]
    fn a_copy_that_equals_the_image_is_no_difference() {
        let disk = Disk::new();
        let before = disk.take();
        assert!(before.differences.is_empty());
        disk.write("upper/etc/motd", "hello");
        assert_eq!(disk.take(), before);
    }

    #[test]
    fn changed_content_is_a_difference_even_at_equal_size() {
        let disk = Disk::new();
        let before = disk.take();
        disk.write("upper/etc/motd", "hallo");
        let after = disk.take();
        assert_ne!(after.digest, before.digest);
        assert!(
            after.differences[0].starts_with("etc/motd file 0644 "),
            "{after:?}"
        );
    }

    #[test]
    fn a_new_file_and_its_mode_are_differences() {
        use std::os::unix::fs::PermissionsExt as _;
        let disk = Disk::new();
        disk.write("upper/etc/new", "");
        let before = disk.take();
        let path = disk.0.path().join("upper/etc/new");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_ne!(disk.take().digest, before.digest);
    }
}
