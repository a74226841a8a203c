use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::workshop::Workshop;
use crate::{setup, step};

/// What guests in Rust are compiled for: WebAssembly with nothing around it.
pub(super) const TARGET: &str = "wasm32-unknown-unknown";

/// Names a compiler that has its own sources, to be used instead of any other.
const CHOSEN: &str = "CELLHOST_GUEST_RUSTC";
const DEBIANS: &str = "/usr/bin/rustc";
const DEBIANS_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];
const DOWNLOAD: Duration = Duration::from_mins(1);

/// How a guest in Rust gets its standard library.
#[derive(Clone)]
pub(super) enum Toolchain {
    /// The usual compiler has it for the target.
    Installed,
    /// A compiler that has the sources lets cargo build it.
    Sources {
        /// The compiler.
        rustc: PathBuf,
        /// A linker for WebAssembly.
        linker: PathBuf,
    },
}

impl Toolchain {
    /// Chooses the way that works on this computer, and prepares it where it has to be.
    pub(super) fn choose(workshop: &Workshop) -> Result<Self> {
        if let Some(rustc) = env::var_os(CHOSEN) {
            return Self::with_sources(workshop, PathBuf::from(rustc));
        }
        if is_installed(workshop) || add_target(workshop) {
            return Ok(Self::Installed);
        }
        if !has_sources(Path::new(DEBIANS)) {
            install_debians()?;
        }
        Self::with_sources(workshop, PathBuf::from(DEBIANS))
    }

    /// Returns the compiler.
    pub(super) fn rustc(&self) -> &Path {
        match self {
            Self::Installed => Path::new("rustc"),
            Self::Sources { rustc, .. } => rustc,
        }
    }

    /// Returns the compiler's own folder.
    pub(super) fn sysroot(&self, workshop: &Workshop) -> Result<String> {
        ask(workshop, self.rustc(), &["--print", "sysroot"])
    }

    fn with_sources(workshop: &Workshop, rustc: PathBuf) -> Result<Self> {
        if !has_sources(&rustc) {
            bail!(
                "`{}` has no sources of the standard library",
                rustc.display()
            );
        }
        let linker = linker(workshop, &rustc)?;
        Ok(Self::Sources { rustc, linker })
    }
}

/// Returns what tells one compiler's output from another's. Does not prepare anything.
pub(super) fn identity(workshop: &Workshop) -> Result<String> {
    static IDENTITY: OnceLock<String> = OnceLock::new();
    if let Some(identity) = IDENTITY.get() {
        return Ok(identity.clone());
    }
    let chosen = env::var_os(CHOSEN).map(PathBuf::from);
    let rustc = match chosen {
        Some(chosen) => chosen,
        None if is_installed(workshop) || !has_sources(Path::new(DEBIANS)) => "rustc".into(),
        None => DEBIANS.into(),
    };
    let identity = ask(workshop, &rustc, &["-vV"])?;
    Ok(IDENTITY.get_or_init(|| identity).clone())
}

fn is_installed(workshop: &Workshop) -> bool {
    let folder = ask(
        workshop,
        Path::new("rustc"),
        &["--print", "target-libdir", "--target", TARGET],
    );
    let names = folder
        .ok()
        .and_then(|folder| std::fs::read_dir(folder).ok());
    names.is_some_and(|mut names| {
        names.any(|entry| {
            entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))
        })
    })
}

/// Lets rustup fetch the target; where there is no rustup or no network, that is no error.
fn add_target(workshop: &Workshop) -> bool {
    eprintln!("  adding the target {TARGET} with rustup");
    let mut rustup = Command::new("rustup");
    rustup
        .args(["target", "add", TARGET])
        .current_dir(workshop.root());
    step::succeeds_within(&mut rustup, DOWNLOAD).unwrap_or(false) && is_installed(workshop)
}

fn has_sources(rustc: &Path) -> bool {
    step::output(Command::new(rustc).args(["--print", "sysroot"])).is_ok_and(|sysroot| {
        Path::new(sysroot.trim())
            .join("lib/rustlib/src/rust/library/Cargo.lock")
            .is_file()
    })
}

fn install_debians() -> Result<()> {
    setup::install(&DEBIANS_PACKAGES).with_context(|| {
        format!(
            "there is no standard library for {TARGET}; with rustup and a network, `rustup target \
             add {TARGET}` is the usual way; {CHOSEN} can name a compiler that has its sources"
        )
    })
}

/// Finds a linker for WebAssembly: each toolchain that is here may bring one.
fn linker(workshop: &Workshop, rustc: &Path) -> Result<PathBuf> {
    for compiler in [rustc, Path::new("rustc")] {
        let Ok(folder) = ask(workshop, compiler, &["--print", "target-libdir"]) else {
            continue;
        };
        let candidate = Path::new(&folder).with_file_name("bin/rust-lld");
        if candidate.is_file() {
            return Ok(candidate);
        }
    }
    env::split_paths(&env::var_os("PATH").unwrap_or_default())
        .flat_map(|folder| ["rust-lld", "wasm-ld"].map(|name| folder.join(name)))
        .find(|candidate| candidate.is_file())
        .context("there is no linker for WebAssembly: neither `rust-lld` nor `wasm-ld`")
}

fn ask(workshop: &Workshop, rustc: &Path, question: &[&str]) -> Result<String> {
    let mut command = Command::new(rustc);
    command.args(question).current_dir(workshop.root());
    Ok(step::output(&mut command)?.trim().to_owned())
}
