//! A directory of packages, with the index that makes it a source for apt.

use std::{fmt::Write as _, io, path::Path, process::Command};

use sha2::{Digest as _, Sha256};

use crate::{LabError, command, hexadecimal::hexadecimal, removal::remove_file};

/// Where every machine sees the packages, read-only.
pub(crate) const ARCHIVE_MOUNT: &str = "/srv/lab-archive";

/// Writes the index of all packages in the directory.
pub(super) fn index(archive: &Path) -> Result<(), LabError> {
    remove_file(&archive.join("lock"))?;
    let mut packages = Vec::new();
    for entry in fs_err::read_dir(archive)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            packages.push(path);
        }
    }
    packages.sort();
    let mut text = String::new();
    for package in packages {
        text.push_str(&stanza(&package)?);
    }
    fs_err::write(archive.join("Packages"), text)?;
    Ok(())
}

/// Returns the package's own description, with where it is found and how it is checked.
fn stanza(package: &Path) -> Result<String, LabError> {
    let fields = command::run(Command::new("dpkg-deb").arg("--field").arg(package))?;
    let mut file = fs_err::File::open(package)?;
    let mut digest = Sha256::new();
    let size = io::copy(&mut file, &mut digest)?;
    let name = package.file_name().unwrap_or_default().to_string_lossy();
    let mut text = String::from_utf8_lossy(&fields.stdout)
        .trim_end()
        .to_owned();
    let checksum = hexadecimal(&digest.finalize());
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "\nFilename: ./{name}\nSize: {size}\nSHA256: {checksum}\n\n"
    );
    Ok(text)
}
