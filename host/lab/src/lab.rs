//! A running lab.

mod faults;
mod reach;
mod settle;
mod up;

pub use reach::SSH_CONFIG_VARIABLE;

use std::{fs::File, os::unix::fs::MetadataExt as _};

use crate::{
    LabDirectory, LabError, MachineNumber,
    cgroup::ControlGroup,
    check_prerequisites,
    holder::Holder,
    removal::{remove_file, remove_tree},
    state::State,
};

/// A lab whose holder runs.
///
/// The value may live as long as one likes: only while a method changes the lab are other
/// processes kept from changing it too.
#[derive(Debug)]
pub struct Lab {
    directory: LabDirectory,
    group: ControlGroup,
    holder: Holder,
    state: State,
}

impl Lab {
    /// Opens the lab that runs in a directory.
    pub fn open(directory: &LabDirectory) -> Result<Self, LabError> {
        check_prerequisites()?;
        let absent = || LabError::NotRunning {
            path: directory.path().to_path_buf(),
        };
        if !directory.lock().exists() {
            return Err(absent());
        }
        // Waits for whoever is bringing the lab up.
        let _lock = lock(directory)?;
        let group = ControlGroup::of_lab(directory.path())?;
        let state = State::load(directory)?.ok_or_else(absent)?;
        let holder = Holder::find(&group).ok_or_else(absent)?;
        Ok(Self {
            directory: directory.clone(),
            group,
            holder,
            state,
        })
    }

    /// Ends the lab in a directory and removes all it ever made, whatever state it is in.
    ///
    /// Returns whether there was anything to remove. Only processes in the lab's own control
    /// group are killed, and only files that a lab makes are removed.
    pub fn down(directory: &LabDirectory) -> Result<bool, LabError> {
        check_prerequisites()?;
        let group = ControlGroup::of_lab(directory.path())?;
        let had_group = group.file("").exists();
        if !directory.lock().exists() {
            group.kill()?;
            group.remove()?;
            return Ok(had_group);
        }
        let _lock = lock(directory)?;
        group.kill()?;
        group.remove()?;
        remove_tree(&directory.machines())?;
        for path in directory.contents() {
            remove_file(&path)?;
        }
        remove_file(&directory.lock())?;
        // A directory that holds something of the user's stays.
        let _ = fs_err::remove_dir(directory.path());
        Ok(true)
    }

    /// Lists the machines of the lab.
    pub fn machines(&self) -> Vec<MachineNumber> {
        self.state.numbers()
    }

    /// Returns where the lab keeps its files.
    pub fn directory(&self) -> &LabDirectory {
        &self.directory
    }

    /// Finds a machine by its name.
    pub fn machine(&self, name: &str) -> Result<MachineNumber, LabError> {
        let found = name
            .parse()
            .ok()
            .filter(|number| self.state.machine(*number).is_some());
        found.ok_or_else(|| LabError::UnknownMachine {
            name: name.to_owned(),
            known: self.machines().iter().map(ToString::to_string).collect(),
        })
    }

    /// Keeps other processes from changing the lab, and catches up with what they changed.
    fn catch_up(&mut self) -> Result<File, LabError> {
        let absent = || LabError::NotRunning {
            path: self.directory.path().to_path_buf(),
        };
        let lock = if self.directory.lock().exists() {
            lock(&self.directory)?
        } else {
            return Err(absent());
        };
        self.state = State::load(&self.directory)?.ok_or_else(absent)?;
        Ok(lock)
    }

    fn group_of(&self, machine: MachineNumber) -> ControlGroup {
        self.group.child(&machine.to_string())
    }
}

/// Takes the directory for this process, and waits while another one has it.
fn lock(directory: &LabDirectory) -> Result<File, LabError> {
    loop {
        let file = fs_err::File::create(directory.lock())?.into_file();
        file.lock()?;
        // Whoever had it may have removed the lab, and this file with it.
        let on_disk = fs_err::metadata(directory.lock());
        if on_disk.is_ok_and(|found| found.ino() == file.metadata().map_or(0, |own| own.ino())) {
            return Ok(file);
        }
    }
}
