//! What can go wrong with a lab.

use std::{io, path::PathBuf};

/// Describes why a lab could not do what was asked of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// The computer does not run Linux, so it has neither namespaces nor systemd-nspawn.
    #[error(
        "a lab needs Linux with namespaces and systemd-nspawn, and this computer runs `{system}`"
    )]
    NotLinux {
        /// The operating system found.
        system: &'static str,
    },
    /// The caller is not root.
    #[error("a lab needs root, as it makes namespaces, mounts and machines (run it with sudo)")]
    NotRoot,
    /// Programs that the lab starts are not installed.
    #[error(
        "a lab needs programs that are not installed: {}; install them with `apt-get install {}`",
        programs.join(", "),
        packages.join(" ")
    )]
    MissingPrograms {
        /// The programs not found.
        programs: Vec<&'static str>,
        /// The Debian and Ubuntu packages that hold them.
        packages: Vec<&'static str>,
    },
    /// No cgroup v2 tree with `cgroup.kill` is mounted.
    #[error("a lab needs a mounted cgroup v2 tree and Linux 5.14 or newer, and found none")]
    NoControlGroups,
    /// Neither a directory was given nor can a default one be found.
    #[error("cannot tell where labs are kept, as there is no home directory (set `{variable}`)")]
    NoHome {
        /// The environment variable that names the directory.
        variable: &'static str,
    },
    /// The directory cannot carry a lab.
    #[error("cannot keep a lab in `{path}`: {reason}")]
    UnfitDirectory {
        /// The directory.
        path: PathBuf,
        /// Why it does not serve.
        reason: &'static str,
    },
    /// A tree that is to be removed has something mounted in it.
    #[error("cannot remove `{path}`, as `{mount}` is mounted in it")]
    MountedBelow {
        /// The tree.
        path: PathBuf,
        /// The mount found in it.
        mount: PathBuf,
    },
    /// No lab runs in the directory.
    #[error("no lab runs in `{path}`")]
    NotRunning {
        /// The directory.
        path: PathBuf,
    },
    /// The lab runs another image than the one asked for.
    #[error("the lab in `{path}` runs the image `{running}`, not `{wanted}`")]
    OtherImage {
        /// The directory.
        path: PathBuf,
        /// The image its machines were made of.
        running: String,
        /// The image asked for.
        wanted: String,
    },
    /// There is no such image.
    #[error("there is no image `{name}`, only `base` and `service`")]
    UnknownImage {
        /// The name given.
        name: String,
    },
    /// The name is not that of a machine of this lab.
    #[error("the lab has no machine `{name}`, only {}", known.join(", "))]
    UnknownMachine {
        /// The name given.
        name: String,
        /// The machines there are.
        known: Vec<String>,
    },
    /// A link was to be cut between a machine and itself.
    #[error("cannot cut `{name}` from itself")]
    SameMachine {
        /// The machine.
        name: String,
    },
    /// The wanted number of machines is out of range.
    #[error("a lab has between 1 and {most} machines, not {wanted}")]
    WrongCount {
        /// The number asked for.
        wanted: u16,
        /// The highest number possible.
        most: u16,
    },
    /// The machine is not in the state that the action needs.
    #[error("the machine `{name}` is {state}")]
    WrongState {
        /// The machine.
        name: String,
        /// The state it is in.
        state: crate::MachineState,
    },
    /// Machines did not come up in time.
    #[error(
        "after {seconds} s there is no answer from sshd on {} (console: `{console}`)",
        machines.join(", ")
    )]
    NoAnswer {
        /// The silent machines.
        machines: Vec<String>,
        /// How long was waited.
        seconds: u64,
        /// The console log of the first one.
        console: PathBuf,
    },
    /// A control group did not reach the state asked for.
    #[error("the processes in `{group}` did not get {wanted} within {seconds} s")]
    Stuck {
        /// The control group.
        group: PathBuf,
        /// The state waited for.
        wanted: &'static str,
        /// How long was waited.
        seconds: u64,
    },
    /// A program ended with an error.
    #[error("`{line}` failed ({status}): {stderr}")]
    Program {
        /// The program and its arguments, for reading only.
        line: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The end of what it wrote to stderr.
        stderr: String,
    },
    /// A program could not be started.
    #[error("cannot start `{program}`")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// A record of the lab cannot be read.
    #[error("cannot understand `{path}`")]
    Record {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A network namespace cannot be entered.
    #[error("cannot enter the lab's network")]
    Enter {
        /// Why.
        source: io::Error,
    },
    /// A file could not be read or written; the message names it.
    #[error(transparent)]
    File(#[from] io::Error),
}
