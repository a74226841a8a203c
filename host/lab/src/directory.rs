//! Where a lab keeps its files.

use std::{
    env,
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy as _;

use crate::{LabError, MachineNumber};

/// Names the variable that moves a lab to another directory.
pub const LAB_DIRECTORY_VARIABLE: &str = "CELLHOST_LAB_DIR";

/// Names the variable that moves the cached images to another directory.
pub const LAB_IMAGES_VARIABLE: &str = "CELLHOST_LAB_IMAGES";

/// Characters that the mount options of overlayfs or the lines of ssh's configuration cannot hold.
const UNFIT_CHARACTERS: [char; 6] = [':', ',', '"', '\\', '\n', '\''];

/// Finds every file of one lab; two labs in two directories have nothing in common.
#[derive(Debug, Clone)]
pub struct LabDirectory {
    path: PathBuf,
}

impl LabDirectory {
    /// Takes the directory given, or that of the environment, or the default one.
    ///
    /// The directory need not exist; that it can carry a lab is checked here.
    pub fn choose(given: Option<&Path>) -> Result<Self, LabError> {
        let chosen = match given
            .map(Path::to_path_buf)
            .or_else(|| variable(LAB_DIRECTORY_VARIABLE))
        {
            Some(path) => path,
            None => strategy(LAB_DIRECTORY_VARIABLE)?
                .state_dir()
                .ok_or(LabError::NoHome {
                    variable: LAB_DIRECTORY_VARIABLE,
                })?
                .join("cellhost/lab"),
        };
        Ok(Self {
            path: fit(&chosen)?,
        })
    }

    /// Returns the directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the ssh configuration that reaches every machine.
    pub fn ssh_config(&self) -> PathBuf {
        self.path.join("ssh_config")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.path.join("key")
    }

    pub(crate) fn public_key(&self) -> PathBuf {
        self.path.join("key.pub")
    }

    pub(crate) fn known_hosts(&self) -> PathBuf {
        self.path.join("known_hosts")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path.join("state.json")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    pub(crate) fn machines(&self) -> PathBuf {
        self.path.join("machines")
    }

    pub(crate) fn machine(&self, machine: MachineNumber) -> MachineDirectory {
        MachineDirectory {
            path: self.machines().join(machine.to_string()),
        }
    }

    /// Lists all that a lab ever makes here, so that nothing else is ever removed.
    pub(crate) fn contents(&self) -> [PathBuf; 5] {
        [
            self.key(),
            self.public_key(),
            self.known_hosts(),
            self.ssh_config(),
            self.state(),
        ]
    }
}

/// Finds the files of one machine.
pub(crate) struct MachineDirectory {
    path: PathBuf,
}

impl MachineDirectory {
    /// Where all that the machine ever wrote is kept.
    pub(crate) fn upper(&self) -> PathBuf {
        self.path.join("upper")
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.path.join("work")
    }

    /// Where the machine's whole file system is mounted, for the lab's holder only.
    pub(crate) fn root(&self) -> PathBuf {
        self.path.join("root")
    }

    /// Takes what systemd-nspawn leaves in its temporary directory.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.path.join("tmp")
    }

    pub(crate) fn host_key(&self) -> PathBuf {
        self.path.join("ssh_host_ed25519_key")
    }

    pub(crate) fn console(&self) -> PathBuf {
        self.path.join("console.log")
    }
}

/// Finds the directory of the cached images, or that of one image in it.
pub(crate) fn images() -> Result<PathBuf, LabError> {
    match variable(LAB_IMAGES_VARIABLE) {
        Some(path) => fit(&path),
        None => fit(&strategy(LAB_IMAGES_VARIABLE)?
            .cache_dir()
            .join("cellhost/lab-images")),
    }
}

/// Ends the names of directories in the images directory whose content is not complete yet.
pub(crate) const PARTIAL: &str = ".partial";

fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

fn strategy(variable: &'static str) -> Result<impl etcetera::BaseStrategy, LabError> {
    etcetera::choose_base_strategy().map_err(|_| LabError::NoHome { variable })
}

fn fit(path: &Path) -> Result<PathBuf, LabError> {
    let path = std::path::absolute(path)?;
    let reason = match path.to_str() {
        None => "its name is not UTF-8",
        Some(text) if text.contains(UNFIT_CHARACTERS) => {
            "its name holds a quote, comma, colon or backslash"
        }
        // The holder puts its own /run there, so that systemd-nspawn leaves no trace in ours.
        Some(_) if path.starts_with("/run") || path.starts_with("/var/run") => {
            "the machines cannot see /run"
        }
        Some(_) => return Ok(path),
    };
    Err(LabError::UnfitDirectory { path, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_directory_is_made_absolute() {
        let directory = LabDirectory::choose(Some(Path::new("some/lab"))).unwrap();
        assert!(directory.path().is_absolute());
        assert!(directory.path().ends_with("some/lab"));
    }

    #[test]
    fn directories_that_cannot_carry_an_overlay_are_refused() {
        for odd in ["/srv/a:b", "/srv/a,b", "/srv/a\"b", "/run/lab"] {
            assert!(LabDirectory::choose(Some(Path::new(odd))).is_err(), "{odd}");
        }
    }
}
