use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::guest::Guest;
use super::workshop::Workshop;
use crate::step;

/// Compilers from Python's package index, in an environment of their own.
pub(super) struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// Returns the tools that a guest's `requirements.txt` pins; fetches them the first time.
    pub(super) fn of(workshop: &Workshop, guest: &Guest) -> Result<Self> {
        let requirements = guest.folder.join("requirements.txt");
        let digest = format!("{:x}", Sha256::digest(fs_err::read(&requirements)?));
        let short = digest.get(..12).unwrap_or(&digest);
        let folder = workshop.tools().join(short);
        let done = folder.join(".done");
        if !done.is_file() {
            eprintln!("fetching the tools of {}", guest.name);
            install(&folder, &requirements)?;
            fs_err::write(done, "")?;
        }
        Ok(Self { folder })
    }

    /// Begins a call of one of the programs.
    pub(super) fn command(&self, program: &str) -> Command {
        Command::new(self.folder.join("bin").join(program))
    }
}

fn install(folder: &Path, requirements: &Path) -> Result<()> {
    step::output(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(folder),
    )
    .context("cannot make an environment (Debian: `apt-get install python3-venv`)")?;
    step::output(
        Command::new(folder.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check"])
            .args(["--require-hashes", "--requirement"])
            .arg(requirements),
    )?;
    Ok(())
}
