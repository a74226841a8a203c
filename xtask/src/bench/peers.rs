use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::contestant::Contestant;
use crate::step;

/// An environment of Python with what a list pins in it.
pub(super) struct Environment {
    name: &'static str,
    requirements: &'static str,
}

/// Ansible, and Mitogen beside it.
pub(super) const ANSIBLE: Environment = Environment {
    name: "ansible",
    requirements: include_str!("peers/ansible.txt"),
};

/// pyinfra.
pub(super) const PYINFRA: Environment = Environment {
    name: "pyinfra",
    requirements: include_str!("peers/pyinfra.txt"),
};

impl Environment {
    /// Returns where it is.
    pub(super) fn folder(&self, place: &Path) -> PathBuf {
        place.join("peers").join(self.name)
    }

    /// Returns the path of one of its programs.
    pub(super) fn program(&self, place: &Path, name: &str) -> PathBuf {
        self.folder(place).join("bin").join(name)
    }

    /// Returns what is pinned.
    pub(super) fn versions(&self) -> impl Iterator<Item = &'static str> {
        self.requirements.lines()
    }

    /// Makes it unless it is there, with exactly these versions.
    fn build(&self, place: &Path) -> Result<()> {
        let folder = self.folder(place);
        let done = folder.join(".done");
        if fs_err::read_to_string(&done).is_ok_and(|text| text == self.requirements) {
            return Ok(());
        }
        fs_err::create_dir_all(place.join("peers"))?;
        let mut python = Command::new("python3");
        step::output(python.args(["-m", "venv", "--clear"]).arg(&folder))
            .context("cannot make an environment of Python")?;
        let mut pip = Command::new(folder.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check"]);
        step::output(pip.args(self.versions()))?;
        fs_err::write(done, self.requirements)?;
        Ok(())
    }
}

/// Builds the environments that these contestants need.
pub(super) fn build(place: &Path, contestants: &[Contestant]) -> Result<()> {
    if contestants.contains(&Contestant::Pyinfra) {
        PYINFRA.build(place)?;
    }
    if contestants.contains(&Contestant::Ansible) || contestants.contains(&Contestant::Mitogen) {
        ANSIBLE.build(place)?;
    }
    Ok(())
}

/// Finds where Mitogen's strategies are.
pub(super) fn strategies(place: &Path) -> Result<PathBuf> {
    let library = ANSIBLE.folder(place).join("lib");
    for entry in fs_err::read_dir(&library)? {
        let plugins = entry?.path().join("site-packages/ansible_mitogen/plugins");
        if plugins.is_dir() {
            return Ok(plugins.join("strategy"));
        }
    }
    anyhow::bail!("there is no Mitogen in {}", library.display())
}
