//! `cargo xtask fuzz`: looks for what readers do not withstand.
//!
//! The targets are those of `fuzz/`, laid out for cargo-fuzz. They are built here with the flags that it
//! gives, by the compiler that everything is built with: none of them is unstable.

mod seeds;
mod session;

use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context as _, Result, bail, ensure};

use crate::guests::Workshop;
use crate::setup;
use crate::step::{output, step, succeed};
use session::{Session, Told};

/// What the compiler is told: which way is taken is counted, and so is what is compared with what.
const FLAGS: &str = "-Cpasses=sancov-module \
                     -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                     -Cllvm-args=-sanitizer-coverage-pc-table \
                     -Cllvm-args=-sanitizer-coverage-trace-compares \
                     -Cllvm-args=-simplifycfg-branch-fold-threshold=0 \
                     --cfg fuzzing";

/// How long each target is fuzzed in a test run.
const SHORT: u64 = 5;

/// What `cargo xtask fuzz` is told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How long each target is fuzzed.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Fuzzes only this target; may be said more than once.
    #[arg(long = "target", value_name = "NAME")]
    targets: Vec<String>,
    /// Tries only this file, on the one target.
    #[arg(long, value_name = "FILE", requires = "targets")]
    input: Option<PathBuf>,
}

/// Builds the targets and fuzzes them, as many at once as there are processors.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let workshop = Workshop::here()?;
    setup::supply(setup::FUZZ)?;
    let targets = chosen(&workshop, &arguments.targets)?;
    let built = step("fuzz targets", || build(&workshop))?;
    if let Some(input) = &arguments.input {
        let [target] = targets.as_slice() else {
            bail!("a file is tried on one target");
        };
        return succeed(Command::new(built.join(target)).arg(input));
    }
    fuzz(&workshop, &built, &targets, arguments.seconds)
}

/// Does so for a short while, as a test run does.
pub(crate) fn shortly(workshop: &Workshop) -> Result<()> {
    setup::supply(setup::FUZZ)?;
    let targets = chosen(workshop, &[])?;
    let built = build(workshop)?;
    fuzz(workshop, &built, &targets, SHORT)
}

/// The targets of these names, or all.
fn chosen(workshop: &Workshop, names: &[String]) -> Result<Vec<String>> {
    let mut known = Vec::new();
    for entry in fs_err::read_dir(workshop.root().join("fuzz/fuzz_targets"))? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str());
        known.push(name.context("a target without a name")?.to_owned());
    }
    known.sort();
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        bail!(
            "there is no target `{name}`; there are {}",
            known.join(", ")
        );
    }
    known.retain(|name| names.is_empty() || names.contains(name));
    Ok(known)
}

/// Builds all targets; returns where they are.
fn build(workshop: &Workshop) -> Result<PathBuf> {
    let told = output(
        Command::new("rustc")
            .arg("-vV")
            .current_dir(workshop.root()),
    )?;
    let platform = told.lines().find_map(|line| line.strip_prefix("host: "));
    let platform = platform.context("rustc does not say what it is for")?;
    let place = workshop.root().join("target/fuzz");
    // With a platform named, build scripts and macros are built without these flags.
    let words = [
        "build",
        "--quiet",
        "--locked",
        "--release",
        "--bins",
        "--target",
    ];
    succeed(
        Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(words)
            .arg(platform)
            .arg("--target-dir")
            .arg(&place)
            .current_dir(workshop.root().join("fuzz"))
            .env("RUSTFLAGS", FLAGS)
            .env_remove("CARGO_ENCODED_RUSTFLAGS"),
    )?;
    Ok(place.join(platform).join("release"))
}

/// Fuzzes each target, and says what came of it.
fn fuzz(
    workshop: &Workshop,
    built: &std::path::Path,
    targets: &[String],
    seconds: u64,
) -> Result<()> {
    let told: Mutex<Vec<Told>> = Mutex::default();
    let next = AtomicUsize::new(0);
    let work = || -> Result<()> {
        while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
            let session = Session::prepare(workshop, built, target)?;
            let result = session.run(seconds)?;
            println!("{result}");
            told.lock()
                .map_err(|_| anyhow::anyhow!("one failed"))?
                .push(result);
        }
        Ok(())
    };
    let at_once = thread::available_parallelism()?.get().min(targets.len());
    thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| match worker.join() {
                Ok(result) => result,
                Err(_) => bail!("a target was given up"),
            })
    })?;
    let told = told.into_inner()?;
    let executions: u64 = told.iter().map(|told| told.executions).sum();
    let findings = told.iter().filter(|told| told.finding.is_some()).count();
    println!(
        "{} targets, {executions} executions, {findings} findings",
        told.len()
    );
    ensure!(findings == 0, "not all bytes are withstood");
    ensure!(executions > 0, "nothing was tried");
    Ok(())
}
