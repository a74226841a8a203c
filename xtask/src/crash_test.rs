//! `cargo xtask crash-test`: deployments over simulated machines, with faults and dying hosts.

use std::process::Command;

use anyhow::Result;

use crate::guests::{self, Workshop};
use crate::step::succeed;

/// The guests that are deployed.
const GUESTS: [&str; 2] = ["quorum", "worker"];

/// What `cargo xtask crash-test` is told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Plays ten times as many schedules, and holds the kill matrix against docs/crash-matrix.md.
    #[arg(long)]
    full: bool,
    /// Plays only this seed, and tells what happened.
    #[arg(long)]
    seed: Option<u64>,
    /// How many schedules to play.
    #[arg(long)]
    schedules: Option<u64>,
    /// The first seed of them.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Writes the kill matrix to docs/crash-matrix.md.
    #[arg(long)]
    write: bool,
}

/// How many schedules there are where nothing is said.
const SCHEDULES: u64 = 100_000;

/// Builds what is needed and plays.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let workshop = Workshop::here()?;
    guests::build(&workshop, &GUESTS.map(str::to_owned))?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // With the features that the tests have, so that nothing is compiled a second time.
    let words = ["build", "--quiet", "--workspace", "--bin", "crash-test"];
    succeed(Command::new(cargo).args(words).current_dir(workshop.root()))?;
    let mut command = Command::new(workshop.root().join("target/debug/crash-test"));
    command.current_dir(workshop.root());
    if let Some(seed) = arguments.seed {
        return succeed(command.arg("--seed").arg(seed.to_string()));
    }
    let usual = if arguments.full {
        SCHEDULES * 10
    } else {
        SCHEDULES
    };
    let schedules = arguments.schedules.unwrap_or(usual);
    command
        .arg("--schedules")
        .arg(schedules.to_string())
        .arg("--first")
        .arg(arguments.first.to_string());
    if arguments.full || arguments.write {
        command.args(["--matrix", "docs/crash-matrix.md"]);
    }
    if arguments.write {
        command.arg("--write");
    }
    succeed(&mut command)
}
