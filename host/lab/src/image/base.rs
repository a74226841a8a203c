//! Builds the base image: a small Debian that boots in a blink and is reached by ssh.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Output, Stdio},
};

use super::{
    ImageName, builder,
    recipe::{FILES, MASKED_UNITS, OPERATOR, SUITE, packages},
};
use crate::{
    LabError, Progress, command,
    removal::{remove_file, remove_tree},
};

/// What the build leaves in the image that would tell machines apart or tell of the builder.
const LEFTOVER_FILES: [&str; 12] = [
    "etc/apt/apt.conf.d/99mmdebstrap",
    "etc/apt/sources.list",
    "etc/hostname",
    "etc/machine-id",
    "etc/resolv.conf",
    "var/lib/dbus/machine-id",
    "var/log/alternatives.log",
    "var/log/bootstrap.log",
    "var/log/dpkg.log",
    "var/log/faillog",
    "var/log/lastlog",
    "var/log/wtmp",
];

const LEFTOVER_DIRECTORIES: [&str; 5] = [
    "etc/apt/sources.list.d",
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/log/apt",
    "var/log/journal",
];

/// Directories that must be there although what was in them is gone.
const EMPTY_DIRECTORIES: [&str; 4] = [
    "etc/apt/sources.list.d",
    "var/cache/apt/archives/partial",
    "var/lib/apt/lists/partial",
    "var/log/apt",
];

/// Builds the image in an empty directory.
pub(super) fn build(
    directory: &Path,
    name: ImageName,
    progress: &dyn Progress,
) -> Result<(), LabError> {
    let root = directory.join("root");
    let sources = builder::write_sources(directory)?;
    let options = builder::write_options(directory)?;
    progress.step(&format!(
        "building the image `{name}` (once, about a minute)"
    ));
    bootstrap(&root, &sources, &options, name, progress)?;
    remove_file(&sources)?;
    remove_file(&options)?;
    progress.step(&format!("furnishing the image `{name}`"));
    clean(&root)?;
    furnish(&root)
}

fn bootstrap(
    root: &Path,
    sources: &Path,
    options: &Path,
    name: ImageName,
    progress: &dyn Progress,
) -> Result<(), LabError> {
    // In a mount namespace of its own: what a killed mmdebstrap leaves mounted goes with it.
    let mut command = Command::new("unshare");
    command.args([
        "--mount",
        "--",
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
    ]);
    command
        .arg("--format=directory")
        .arg(format!("--include={}", packages(name).join(",")));
    command.arg(format!("--aptopt={}", options.display()));
    command.arg("--aptopt=APT::Install-Recommends \"false\"");
    command.arg(SUITE).arg(root).arg(sources);
    narrate(&mut command, progress)
}

/// Runs a program and passes on what it tells about its steps.
fn narrate(command: &mut Command, progress: &dyn Progress) -> Result<(), LabError> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|source| command::start_error(command, source))?;
    let mut stderr = Vec::new();
    if let Some(pipe) = child.stderr.take() {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if let Some(text) = line.strip_prefix("I: ") {
                progress.detail(text);
            }
            stderr.extend_from_slice(line.as_bytes());
            stderr.push(b'\n');
        }
    }
    let status = child
        .wait()
        .map_err(|source| command::start_error(command, source))?;
    command::judge(
        command,
        Output {
            status,
            stdout: Vec::new(),
            stderr,
        },
    )
    .map(drop)
}

fn clean(root: &Path) -> Result<(), LabError> {
    for file in LEFTOVER_FILES {
        remove_file(&root.join(file))?;
    }
    for directory in LEFTOVER_DIRECTORIES {
        remove_tree(&root.join(directory))?;
    }
    for directory in EMPTY_DIRECTORIES {
        fs_err::create_dir_all(root.join(directory))?;
    }
    for entry in fs_err::read_dir(root.join("etc/ssh"))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("ssh_host_") {
            remove_file(&entry.path())?;
        }
    }
    Ok(())
}

fn furnish(root: &Path) -> Result<(), LabError> {
    for unit in MASKED_UNITS {
        symlink("/dev/null", root.join("etc/systemd/system").join(unit))?;
    }
    for (path, content) in FILES {
        let path = root.join(path);
        fs_err::create_dir_all(path.parent().unwrap_or(root))?;
        fs_err::write(path, content)?;
    }
    fs_err::write(root.join("etc/machine-id"), "")?;
    let mut add = Command::new("chroot");
    // Debian has a group of this name already, without any rights.
    add.arg(root)
        .args(["useradd", "--create-home", "--shell", "/bin/bash"]);
    add.args(["--gid", OPERATOR, OPERATOR]);
    command::run(&mut add).map(drop)
}
