//! The holder: one sleeping process whose namespaces are the lab.
//!
//! It owns a mount namespace, in which the machines' file systems are mounted, and a network
//! namespace with the bridge. When it is killed, all of that is gone: nothing has a name outside.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{LabError, cgroup::ControlGroup, command};

/// The name of the holder's own control group, beside those of the machines.
const GROUP: &str = "holder";

/// Joins the control group whose `cgroup.procs` is `$0`, then becomes the program in `$@`.
///
/// The files 3 to 9, where scripts keep their locks, are closed: else a lock is held for ever.
const JOIN_GROUP: &str = "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; echo $$ > \"$0\" && exec \"$@\"";

const PATIENCE: Duration = Duration::from_secs(10);

/// Stands for the running holder of a lab.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holder {
    pid: u32,
}

impl Holder {
    /// Finds the holder of a lab, if one is running.
    pub(crate) fn find(lab: &ControlGroup) -> Option<Self> {
        let pids = lab.child(GROUP).processes();
        pids.into_iter()
            .find(|pid| is_asleep(*pid))
            .map(|pid| Self { pid })
    }

    /// Starts a holder with empty namespaces.
    pub(crate) fn start(lab: &ControlGroup) -> Result<Self, LabError> {
        let group = lab.child(GROUP);
        group.create()?;
        let mut command = detached(&group.file("cgroup.procs"));
        command.args(["unshare", "--mount", "--net", "sleep", "infinity"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command::run(&mut command)?;
        let start = Instant::now();
        loop {
            if let Some(holder) = Self::find(lab) {
                holder.furnish()?;
                return Ok(holder);
            }
            if start.elapsed() > PATIENCE {
                let (group, seconds) = (group.file(""), PATIENCE.as_secs());
                return Err(LabError::Stuck {
                    group,
                    wanted: "started",
                    seconds,
                });
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Begins a command in the holder's mount and network namespaces.
    pub(crate) fn enter(self) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg("--target")
            .arg(self.pid.to_string())
            .args(["--mount", "--net", "--"]);
        command.current_dir("/");
        command
    }

    /// Begins a command in the holder's network namespace only: files are those of the caller.
    pub(crate) fn enter_network(self) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg("--target")
            .arg(self.pid.to_string())
            .args(["--net", "--"]);
        command
    }

    /// Begins a command that outlives us, in both namespaces and in the control group given.
    pub(crate) fn enter_detached(self, group: &ControlGroup) -> Command {
        let mut command = self.enter();
        let inner = detached(&group.file_for_holder("cgroup.procs"));
        command.arg(inner.get_program()).args(inner.get_args());
        command
    }

    /// Shows a path of the holder's mount namespace to us.
    pub(crate) fn path(self, inside: &Path) -> PathBuf {
        let inside = inside.strip_prefix("/").unwrap_or(inside);
        PathBuf::from(format!("/proc/{}/root", self.pid)).join(inside)
    }

    /// Returns the file that stands for the holder's network namespace.
    pub(crate) fn network(self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/ns/net", self.pid))
    }

    /// Gives the holder its own `/run` and a plain cgroup v2 tree, as systemd-nspawn wants them.
    fn furnish(self) -> Result<(), LabError> {
        let run = ["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"];
        command::run(self.enter().args(run))?;
        if Path::new("/sys/fs/cgroup/cgroup.procs").exists() {
            return Ok(());
        }
        // A hybrid computer: systemd-nspawn stumbles over the v1 trees.
        command::run(
            self.enter()
                .args(["umount", "--recursive", "/sys/fs/cgroup"]),
        )?;
        let tree = ["mount", "-t", "cgroup2", "cgroup2", "/sys/fs/cgroup"];
        command::run(self.enter().args(tree)).map(drop)
    }
}

/// Begins a command with a session of its own that joins a control group before it runs.
fn detached(procs: &Path) -> Command {
    let mut command = Command::new("setsid");
    command
        .args(["--fork", "sh", "-c", JOIN_GROUP])
        .arg(procs)
        .stdin(Stdio::null());
    command
}

/// Tells whether a process has got as far as the `sleep` that the holder ends up as.
fn is_asleep(pid: u32) -> bool {
    fs_err::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "sleep")
}
