use std::path::Path;

use anyhow::Result;
use sha2::{Digest, Sha256};

use super::guest::{Guest, Language};
use super::toolchain;
use super::workshop::Workshop;

/// What every guest is made with.
const ALWAYS: [&str; 5] = [
    "wit",
    "host/packer/src",
    "host/manifest/src",
    "xtask/src/guests.rs",
    "xtask/src/guests",
];

/// What every guest in Rust is made of beside its own folder.
const RUST: [&str; 4] = [
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "sdk/rust",
];

/// What lies in a guest's folder and does not become part of it.
const NOT_PART: [&str; 3] = ["tests", "README.md", "__pycache__"];

/// Returns a text that is equal for equal inputs, and for them only.
pub(super) fn of(workshop: &Workshop, guest: &Guest) -> Result<String> {
    let mut digest = Sha256::new();
    for path in ALWAYS {
        add(&mut digest, &workshop.root().join(path))?;
    }
    if guest.language == Language::Rust {
        for path in RUST {
            add(&mut digest, &workshop.root().join(path))?;
        }
        digest.update(toolchain::identity(workshop)?);
    }
    for path in children(&guest.folder)? {
        let name = path.file_name().unwrap_or_default();
        if !NOT_PART.iter().any(|not_part| name == *not_part) {
            add(&mut digest, &path)?;
        }
    }
    Ok(format!("{:x}", digest.finalize()))
}

fn add(digest: &mut Sha256, path: &Path) -> Result<()> {
    if path.is_dir() {
        for child in children(path)? {
            add(digest, &child)?;
        }
        return Ok(());
    }
    let bytes = fs_err::read(path)?;
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    // Lengths first, so that no byte can wander from one file to the next.
    digest.update(name.len().to_le_bytes());
    digest.update(name);
    digest.update(bytes.len().to_le_bytes());
    digest.update(bytes);
    Ok(())
}

fn children(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut children = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        children.push(entry?.path());
    }
    children.sort();
    Ok(children)
}
