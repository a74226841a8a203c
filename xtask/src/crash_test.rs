//! `cargo xtask crash-test`: deployments over simulated machines, with faults and dying hosts.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::guests::{self, Workshop};
use crate::lab_kills;
use crate::step::{Beside, succeed};
use crate::test;

/// The guests that are deployed.
const GUESTS: [&str; 2] = ["quorum", "worker"];
/// How many schedules there are where nothing is said.
const SCHEDULES: u64 = 100_000;
/// How many a test run plays, which has other things to do too.
const BESIDE_TESTS: u64 = 50_000;
/// Where it stands what became of runs whose host died.
const MATRIX: &str = "docs/crash-matrix.md";

/// What `cargo xtask crash-test` is told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Kills runs on machines of a lab too, thirty times.
    #[arg(long)]
    full: bool,
    /// Plays only this seed, and tells what happened.
    #[arg(long)]
    seed: Option<u64>,
    /// How many schedules to play; with 0 only hosts are killed and broken.
    #[arg(long, default_value_t = SCHEDULES)]
    schedules: u64,
    /// The first seed of them.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Writes the kill matrix to docs/crash-matrix.md.
    #[arg(long)]
    write: bool,
}

/// Builds what is needed and plays.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let workshop = Workshop::here()?;
    guests::build(&workshop, &GUESTS.map(str::to_owned))?;
    let mut command = player(&workshop)?;
    if let Some(seed) = arguments.seed {
        return succeed(command.arg("--seed").arg(seed.to_string()));
    }
    command
        .arg("--schedules")
        .arg(arguments.schedules.to_string())
        .arg("--first")
        .arg(arguments.first.to_string())
        .args(["--matrix", MATRIX]);
    if arguments.write {
        command.arg("--write");
    }
    succeed(&mut command)?;
    if arguments.full {
        lab_kills::run(&workshop, arguments.write)?;
    }
    Ok(())
}

/// Begins to play as a test run does, all guests and tests being built. It takes what the tests leave
/// of the computer: most of them wait for machines.
pub(crate) fn beside_tests(workshop: &Workshop) -> Result<Beside> {
    let mut command = Command::new("nice");
    command
        .args(["-n", "19"])
        .arg(program(workshop))
        .args(["--schedules", &BESIDE_TESTS.to_string(), "--matrix", MATRIX])
        .current_dir(workshop.root());
    Beside::start(&mut command)
}

/// The program that plays. It is built with the tests: apart, all that it is made of would be built
/// anew, since tests switch on other features.
fn player(workshop: &Workshop) -> Result<Command> {
    test::build(workshop)?;
    let mut command = Command::new(program(workshop));
    command.current_dir(workshop.root());
    Ok(command)
}

fn program(workshop: &Workshop) -> PathBuf {
    workshop.root().join("target/debug/crash-test")
}
