use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::workshop::Workshop;

const PLACES: [&str; 2] = ["modules", "tests/guests"];

/// A folder that becomes one module file of the same name.
pub(super) struct Guest {
    /// The folder's name.
    pub(super) name: String,
    /// The folder.
    pub(super) folder: PathBuf,
    /// What it is written in.
    pub(super) language: Language,
}

/// What a guest is written in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    /// It has a `Cargo.toml`.
    Rust,
    /// It has files that end in `.c`.
    C,
    /// It has an `app.py`.
    Python,
    /// It has a file that ends in `.wat`.
    Text,
}

/// Finds all guests of a checkout, sorted by name.
pub(super) fn all(workshop: &Workshop) -> Result<Vec<Guest>> {
    let mut guests = Vec::new();
    for place in PLACES {
        for entry in fs_err::read_dir(workshop.root().join(place))? {
            let folder = entry?.path();
            if folder.is_dir() {
                guests.push(guest(folder)?);
            }
        }
    }
    guests.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(guests)
}

/// Returns a guest's files with this ending, sorted.
pub(super) fn sources(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|own| own == ending) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn guest(folder: PathBuf) -> Result<Guest> {
    let language = if folder.join("Cargo.toml").is_file() {
        Language::Rust
    } else if folder.join("app.py").is_file() {
        Language::Python
    } else if !sources(&folder, "c")?.is_empty() {
        Language::C
    } else if !sources(&folder, "wat")?.is_empty() {
        Language::Text
    } else {
        bail!(
            "`{}` has neither Cargo.toml, app.py, *.c nor *.wat",
            folder.display()
        );
    };
    let name = folder.file_name().unwrap_or_default();
    Ok(Guest {
        name: name.to_string_lossy().into_owned(),
        folder,
        language,
    })
}
