//! What this computer has to have, and how it gets it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::step::succeed;

/// A program that tasks need, and the Debian package that has it.
type Need = (&'static str, &'static str);

/// For machines of one's own.
pub(crate) const LAB: &[Need] = &[
    ("mmdebstrap", "mmdebstrap"),
    ("systemd-nspawn", "systemd-container"),
    ("ssh", "openssh-client"),
    ("ip", "iproute2"),
];

/// For the tests, beside what the lab needs.
pub(crate) const TESTS: &[Need] = &[
    ("age", "age"),
    ("busybox", "busybox"),
    ("dash", "dash"),
    ("bash", "bash"),
    ("dnf", "dnf"),
    ("rpmbuild", "rpm"),
    ("createrepo_c", "createrepo-c"),
    ("pacman", "pacman-package-manager"),
    ("git", "git"),
    ("openssl", "openssl"),
    ("python3", "python3"),
    ("skopeo", "skopeo"),
];

/// For fuzzing: what drives it is written in C++.
pub(crate) const FUZZ: &[Need] = &[("c++", "g++")];

/// For the tools that the bench compares with, beside what the lab needs.
pub(crate) const PEERS: &[Need] = &[("git", "git"), ("python3", "python3")];

/// Installs what is missing, or says which line would.
pub(crate) fn ensure(needs: &[&[Need]]) -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("machines of one's own need Linux");
    }
    let mut packages: Vec<&str> = needs
        .iter()
        .copied()
        .flatten()
        .filter(|(program, _)| !is_here(program))
        .map(|(_, package)| *package)
        .collect();
    let python = needs.contains(&TESTS) || needs.contains(&PEERS);
    if python && !can_make_environments() {
        packages.push("python3-venv");
    }
    if !packages.is_empty() {
        install(&packages)?;
    }
    if !rustix::process::geteuid().is_root() {
        bail!("machines of one's own need root; run it again with sudo or as root");
    }
    Ok(())
}

/// The same for what needs no machines of one's own.
pub(crate) fn supply(needs: &[Need]) -> Result<()> {
    let missing = needs.iter().filter(|(program, _)| !is_here(program));
    let packages: Vec<&str> = missing.map(|(_, package)| *package).collect();
    if packages.is_empty() {
        return Ok(());
    }
    install(&packages)
}

/// Installs Debian packages, or says which line would.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let line = format!(
        "apt-get install --no-install-recommends {}",
        packages.join(" ")
    );
    if !Path::new("/usr/bin/apt-get").is_file() {
        bail!("{} is missing; on Debian: `{line}`", packages.join(", "));
    }
    if !rustix::process::geteuid().is_root() {
        bail!("{} is missing; run: `sudo {line}`", packages.join(", "));
    }
    eprintln!("installing {}", packages.join(" "));
    apt(&["update", "--quiet", "--quiet"])?;
    let mut words = vec![
        "install",
        "--yes",
        "--quiet",
        "--quiet",
        "--no-install-recommends",
    ];
    words.extend(packages);
    apt(&words)
}

/// Debian packages that tests put into roots of their own, by folder: installed, their services
/// would run on this computer.
const UNPACKED: [(&str, &[&str]); 3] = [
    (
        "docker",
        &[
            "docker.io",
            "containerd",
            "runc",
            "libdevmapper1.02.1",
            "docker-registry",
            "busybox-static",
        ],
    ),
    ("openrc", &["openrc", "librc1", "libeinfo1"]),
    ("supervisor", &["supervisor", "python3-pkg-resources"]),
];

/// Fetches what is only unpacked, once.
pub(crate) fn fetch(tools: &Path) -> Result<()> {
    for (name, packages) in UNPACKED {
        let folder = tools.join(name);
        if folder.is_dir() {
            continue;
        }
        let partial = tools.join(format!("{name}.new"));
        fs_err::create_dir_all(&partial)?;
        apt(&["update", "--quiet", "--quiet"])?;
        eprintln!("fetching {}", packages.join(" "));
        let status = Command::new("apt-get")
            .args(["download", "--quiet", "--quiet"])
            .args(["--option", "APT::Sandbox::User=root"])
            .args(packages)
            .current_dir(&partial)
            .stdin(Stdio::null())
            .status()
            .context("cannot start apt-get")?;
        if !status.success() {
            bail!("`apt-get download` ended with {status}");
        }
        fs_err::rename(partial, folder)?;
    }
    Ok(())
}

/// A program on crates.io, and its version.
type Tool = (&'static str, &'static str);

/// Holds dependencies against `deny.toml`, which is written for this version.
pub(crate) const DENY: Tool = ("cargo-deny", "0.20.2");
/// Brings modules to registries and back, as others do it.
pub(crate) const WKG: Tool = ("wkg", "0.16.1");

/// Builds a program of others, unless this version of it is there. Returns where it is.
pub(crate) fn build(tools: &Path, (name, version): Tool) -> Result<PathBuf> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let words = ["install", "--quiet", "--locked", "--debug", name];
    cargo.args(words).args(["--version", version, "--root"]);
    // Nobody looks into it with a debugger, and it is built sooner without.
    cargo.arg(tools).env("CARGO_PROFILE_DEV_DEBUG", "0");
    succeed(&mut cargo)?;
    Ok(tools.join("bin").join(name))
}

fn apt(words: &[&str]) -> Result<()> {
    let status = Command::new("apt-get")
        .args(words)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .status()
        .context("cannot start apt-get")?;
    if !status.success() {
        bail!("`apt-get {}` ended with {status}", words.join(" "));
    }
    Ok(())
}

fn is_here(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Some of them live where only root looks.
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(Into::into))
        .any(|folder| folder.join(program).is_file())
}

/// Whether Python can make environments of its own; Debian leaves that part out.
fn can_make_environments() -> bool {
    Command::new("python3")
        .args(["-c", "import ensurepip, venv"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
