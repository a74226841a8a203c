//! The secrets that tests give the program are canaries: nobody finds them, in any form, where they
//! are not meant to be.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result, ensure};
use cellhost_lab::MachineNumber;
use cellhost_system_tests::{Canaries, written_since};

use crate::site::Site;
use crate::watcher::Watcher;

/// Where on machines secrets are meant to be: what modules configure, and what is theirs.
const HOLDERS: [&str; 11] = [
    "/upper/etc/default/minio",
    "/upper/etc/marathon-lb/cell/",
    "/upper/etc/marathon/cell/secret",
    "/upper/etc/mesos/cell/credential",
    "/upper/etc/mysql/cell/account.sql",
    "/upper/etc/mysql/mariadb.conf.d/99-cell.cnf",
    "/upper/etc/redis/redis-",
    "/upper/etc/supervisor/conf.d/redis-",
    // What is tried before it goes live.
    "/upper/etc/telegraf/cell/candidate.conf",
    "/upper/etc/telegraf/cell/telegraf.conf",
    // The bare hash of a file that is nothing but a secret, kept until its service has restarted.
    "/upper/var/lib/cellhost/changed/%2fetc%2fmarathon%2fcell%2fsecret",
];
/// What is gone with a machine's power.
const VOLATILE: [&str; 4] = ["dev/shm", "run", "tmp", "var/tmp"];

/// All secrets of all tests, and who looks for them.
static KNOWN: LazyLock<(Arc<Mutex<Canaries>>, Watcher)> = LazyLock::new(|| {
    let canaries = Arc::default();
    (Arc::clone(&canaries), Watcher::start(canaries))
});

fn known() -> MutexGuard<'static, Canaries> {
    KNOWN.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who watches all processes once there are secrets.
pub(crate) fn watcher() -> &'static Watcher {
    &KNOWN.1
}

/// Makes secrets of what the program is given in its environment, but for what it is set by and whose name
/// it goes by.
pub(crate) fn tell(variables: &[(&str, &str)]) -> Result<()> {
    for (name, value) in variables {
        if !name.starts_with("CELLHOST_") && *name != "LOGNAME" {
            known().add(name, value)?;
        }
    }
    Ok(())
}

/// Fails where something that the program has written has a secret in it.
pub(crate) fn assert_untold(stream: &str, bytes: &[u8]) -> Result<()> {
    known().are_not_in(stream, bytes)
}

impl Site {
    /// Fails where a secret is in a file of the program's or of a machine's, or was seen in what ran.
    pub(crate) fn assert_kept(&self) -> Result<()> {
        let canaries = known();
        if canaries.is_empty() {
            return Ok(());
        }
        let here = self.files_here();
        let found = canaries.among(&here)?;
        ensure!(
            found.is_empty(),
            "a secret is in {}",
            shown(&canaries, found.iter())
        );
        for machine in self.lab.machines() {
            let disk = self.disk(machine);
            let mut files = written_since(&disk, self.begun(), &|_| false);
            if let Some(root) = root_of(&disk) {
                for place in VOLATILE {
                    files.extend(written_since(&root.join(place), self.begun(), &|_| false));
                }
            }
            let found = canaries.among(&files)?;
            let told = found
                .iter()
                .filter(|file| !is_holder(file))
                .collect::<Vec<_>>();
            let words = shown(&canaries, told.iter().copied());
            ensure!(told.is_empty(), "a secret is on {machine} in {words}");
            let journal = self.logged(machine)?;
            canaries.are_not_in(&format!("the log of {machine}"), journal)?;
        }
        drop(canaries);
        let leaks = watcher().leaks(self.path());
        ensure!(leaks.is_empty(), "{leaks:#?}");
        Ok(())
    }

    /// What the program can have written on this computer.
    fn files_here(&self) -> Vec<PathBuf> {
        let machines = self.lab.directory().path().join("machines");
        let mut files = written_since(self.path(), self.begun(), &|path| path == machines);
        files.extend(written_since(&Self::cache(), self.begun(), &|_| false));
        files
    }

    fn disk(&self, machine: MachineNumber) -> PathBuf {
        let machines = self.lab.directory().path().join("machines");
        machines.join(machine.to_string()).join("upper")
    }

    /// All that a machine has logged. Its files are packed in a way of their own.
    fn logged(&self, machine: MachineNumber) -> Result<Vec<u8>> {
        let disk = self.disk(machine);
        let mut logged = Vec::new();
        let volatile = root_of(&disk).map(|root| root.join("run/log/journal"));
        for place in [Some(disk.join("var/log/journal")), volatile]
            .into_iter()
            .flatten()
        {
            if place.is_dir() {
                let read = Command::new("journalctl")
                    .args(["--quiet", "--no-pager", "-a", "-o", "export", "-D"])
                    .arg(&place)
                    .output()
                    .context("cannot start `journalctl`")?;
                logged.extend(read.stdout);
            }
        }
        Ok(logged)
    }
}

/// The files of a machine that runs, by one of its processes.
fn root_of(disk: &Path) -> Option<PathBuf> {
    let upper = format!("upperdir={},", disk.display());
    for entry in std::fs::read_dir("/proc").ok()?.flatten() {
        let is_process = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.parse::<u32>().is_ok());
        if !is_process {
            continue;
        }
        let mounts = std::fs::read_to_string(entry.path().join("mountinfo")).unwrap_or_default();
        let root = mounts
            .lines()
            .find(|line| line.split(' ').nth(4) == Some("/"));
        if root.is_some_and(|line| line.contains(&upper)) {
            return Some(entry.path().join("root"));
        }
    }
    None
}

/// Each file and what of a secret is in it.
fn shown<'a>(canaries: &Canaries, files: impl Iterator<Item = &'a PathBuf>) -> String {
    let lines = files.map(|file| {
        let content = std::fs::read(file).unwrap_or_default();
        let what = canaries.within(&content).unwrap_or_default();
        format!("{}: {what}", file.display())
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn is_holder(file: &Path) -> bool {
    let text = file.to_string_lossy();
    HOLDERS.iter().any(|holder| text.contains(holder))
}
