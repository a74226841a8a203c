use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Joins the control group whose file is `$0`, then becomes the program in `$@`.
const JOIN: &str = "echo 0 > \"$0\" && exec \"$@\"";
const PATIENCE: Duration = Duration::from_secs(20);

/// A control group: everything that a contestant starts on the controller stays in it, its ssh
/// masters too, so that the kernel's own account of the group's computing misses nothing.
pub(super) struct Group {
    path: PathBuf,
}

impl Group {
    /// Makes an empty group below the one that this process lives in.
    pub(super) fn new(name: &str) -> Result<Self> {
        let mounts = fs_err::read_to_string("/proc/self/mountinfo")?;
        let mount = mounts
            .lines()
            .find_map(|line| {
                let (mount, kind) = line.split_once(" - ")?;
                kind.starts_with("cgroup2 ").then_some(())?;
                mount.split(' ').nth(4)
            })
            .context("there is no cgroup v2 tree to count the contestants' computing with")?;
        let own = fs_err::read_to_string("/proc/self/cgroup")?;
        let own = own
            .lines()
            .find_map(|line| line.strip_prefix("0::/"))
            .context("this process is in no cgroup v2")?;
        let name = format!("cellhost-bench-{}-{name}", std::process::id());
        let path = Path::new(mount).join(own).join(name);
        fs_err::create_dir(&path)?;
        Ok(Self { path })
    }

    /// Starts a program in the group; it reads nothing, and what it writes goes to a file.
    pub(super) fn spawn(&self, program: &Command, log: &Path) -> Result<Child> {
        let log = fs_err::File::create(log)?.into_file();
        let mut command = Command::new("sh");
        command
            .args(["-c", JOIN])
            .arg(self.path.join("cgroup.procs"))
            .arg(program.get_program())
            .args(program.get_args())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(directory) = program.get_current_dir() {
            command.current_dir(directory);
        }
        Ok(command.spawn()?)
    }

    /// Returns how long the group's processes have computed, those that ended included.
    pub(super) fn computed(&self) -> Result<Duration> {
        let text = fs_err::read_to_string(self.path.join("cpu.stat"))?;
        let micros = text
            .lines()
            .find_map(|line| line.strip_prefix("usage_usec "))
            .context("the control group keeps no account of computing")?;
        Ok(Duration::from_micros(micros.parse()?))
    }

    /// Returns how much memory the group's processes have: each page that several share counts
    /// once, in parts.
    pub(super) fn memory(&self) -> u64 {
        let kilobytes = |process: &str| -> Option<u64> {
            // A process may end between the list and this.
            let text = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
            line.trim().strip_suffix("kB")?.trim().parse().ok()
        };
        let processes = std::fs::read_to_string(self.path.join("cgroup.procs"));
        let processes = processes.unwrap_or_default();
        processes.lines().filter_map(kilobytes).sum::<u64>() * 1024
    }

    /// Ends every process of the group.
    pub(super) fn kill(&self) -> Result<()> {
        fs_err::write(self.path.join("cgroup.kill"), "1")?;
        let begun = Instant::now();
        while !fs_err::read_to_string(self.path.join("cgroup.procs"))?.is_empty() {
            if begun.elapsed() > PATIENCE {
                bail!("processes in {} do not end", self.path.display());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = self.kill();
        let begun = Instant::now();
        // A group is busy for a moment after its last process ended.
        while std::fs::remove_dir(&self.path)
            .is_err_and(|error| error.kind() == io::ErrorKind::ResourceBusy)
            && begun.elapsed() < PATIENCE
        {
            thread::sleep(Duration::from_millis(5));
        }
    }
}
