//! Control groups: they hold every process that a lab started, and nothing else.
//!
//! Membership is inherited and no process leaves by itself, so a group says better than any
//! recorded pid what is ours: killing a group never reaches a foreign process.

use std::{
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use sha2::{Digest as _, Sha256};

use crate::{LabError, hexadecimal::hexadecimal};

/// How long a kill or a freeze may take before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(20);

const PAUSE: Duration = Duration::from_millis(2);

/// Names one control group, whether or not it exists.
#[derive(Debug, Clone)]
pub(crate) struct ControlGroup {
    mount: PathBuf,
    name: PathBuf,
}

impl ControlGroup {
    /// Names the group of the lab in `directory`; the name is a hash, so it survives a lost record.
    pub(crate) fn of_lab(directory: &Path) -> Result<Self, LabError> {
        let table = fs_err::read_to_string("/proc/self/mountinfo")?;
        let mount = find_mount(&table).ok_or(LabError::NoControlGroups)?;
        let digest = Sha256::digest(directory.as_os_str().as_encoded_bytes());
        let short: String = hexadecimal(&digest).chars().take(12).collect();
        Ok(Self {
            mount,
            name: PathBuf::from(format!("cellhost-lab-{short}")),
        })
    }

    /// Names a group inside this one.
    pub(crate) fn child(&self, name: &str) -> Self {
        Self {
            mount: self.mount.clone(),
            name: self.name.join(name),
        }
    }

    /// Returns the path of one of the group's files.
    pub(crate) fn file(&self, file: &str) -> PathBuf {
        self.path().join(file)
    }

    /// Returns the path of one of the group's files as the lab's holder sees it.
    pub(crate) fn file_for_holder(&self, file: &str) -> PathBuf {
        Path::new("/sys/fs/cgroup").join(&self.name).join(file)
    }

    /// Makes the group, empty; what an earlier boot left in it is removed.
    pub(crate) fn create(&self) -> Result<(), LabError> {
        self.remove()?;
        fs_err::create_dir_all(self.path())?;
        if self.file("cgroup.kill").exists() {
            Ok(())
        } else {
            Err(LabError::NoControlGroups)
        }
    }

    /// Tells whether any process lives in the group or below.
    pub(crate) fn is_populated(&self) -> bool {
        self.event("populated")
    }

    /// Tells whether all processes in the group are frozen.
    pub(crate) fn is_frozen(&self) -> bool {
        self.event("frozen")
    }

    /// Lists the processes directly in the group.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let text = fs_err::read_to_string(self.file("cgroup.procs")).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// Kills every process in the group at once, as a power cut does, and waits for the end.
    pub(crate) fn kill(&self) -> Result<(), LabError> {
        if !self.path().exists() {
            return Ok(());
        }
        fs_err::write(self.file("cgroup.kill"), "1")?;
        self.wait("killed", |group| !group.is_populated())
    }

    /// Stops or continues every process in the group, and waits until it is so.
    pub(crate) fn freeze(&self, frozen: bool) -> Result<(), LabError> {
        fs_err::write(self.file("cgroup.freeze"), if frozen { "1" } else { "0" })?;
        let wanted = if frozen { "frozen" } else { "thawed" };
        self.wait(wanted, |group| group.is_frozen() == frozen)
    }

    /// Removes the group and all groups in it; they must hold no process.
    pub(crate) fn remove(&self) -> Result<(), LabError> {
        match remove_groups(&self.path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn path(&self) -> PathBuf {
        self.mount.join(&self.name)
    }

    fn event(&self, key: &str) -> bool {
        let text = fs_err::read_to_string(self.file("cgroup.events")).unwrap_or_default();
        text.lines()
            .any(|line| line.split_once(' ') == Some((key, "1")))
    }

    fn wait(&self, wanted: &'static str, done: impl Fn(&Self) -> bool) -> Result<(), LabError> {
        let start = Instant::now();
        while !done(self) {
            if start.elapsed() > PATIENCE {
                let seconds = PATIENCE.as_secs();
                return Err(LabError::Stuck {
                    group: self.path(),
                    wanted,
                    seconds,
                });
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }
}

fn remove_groups(path: &Path) -> io::Result<()> {
    for entry in fs_err::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_groups(&entry.path())?;
        }
    }
    fs_err::remove_dir(path)
}

/// Finds where the cgroup v2 tree is mounted, in the text of a mountinfo file.
fn find_mount(mountinfo: &str) -> Option<PathBuf> {
    mountinfo.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        kind.starts_with("cgroup2 ").then_some(())?;
        mount.split(' ').nth(4).map(PathBuf::from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_tree_of_a_hybrid_and_of_a_pure_computer() {
        let hybrid = "33 24 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                      42 32 0:37 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
        assert_eq!(
            find_mount(hybrid).unwrap(),
            Path::new("/sys/fs/cgroup/unified")
        );
        let pure = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate";
        assert_eq!(find_mount(pure).unwrap(), Path::new("/sys/fs/cgroup"));
        assert!(find_mount("22 27 0:21 / /proc rw - proc proc rw").is_none());
    }
}
