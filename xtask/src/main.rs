//! Builds guests, runs the demo, the tests and the bench: `cargo xtask <task>`. One task is one file.
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a task tells people what it does"
)]

mod bench;
mod crash_test;
mod demo;
mod fuzz;
mod guests;
mod hostile;
mod lab_kills;
mod lab_test;
mod registry_test;
mod setup;
mod step;
mod test;

use clap::{Parser, Subcommand};

/// What a contributor does with this repository beyond `cargo build`.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Builds the modules and the test guests into `target/guests`.
    Guests(guests::Arguments),
    /// Brings up three machines, deploys a Redis cluster on them, and shows it.
    Demo(demo::Arguments),
    /// Compares cellhost with its peers and with bare scripts, on machines of one's own.
    Bench(bench::Arguments),
    /// Measures what cellhost does without machines: a large plan, a run lived through once more.
    Pace(bench::pace::Arguments),
    /// Plays deployments over simulated machines, with faults and hosts that die.
    CrashTest(crash_test::Arguments),
    /// Looks for bytes that a reader of what others wrote does not withstand.
    Fuzz(fuzz::Arguments),
    /// Runs the tests with machines of one module or of all, the long ones included.
    LabTest(lab_test::Arguments),
    /// Runs the tests of modules that want to do harm, and of readers of what others wrote.
    Hostile,
    /// Runs the tests of registries, against a docker-registry and against what this program offers.
    RegistryTest,
    /// Runs every check and every test; what CI runs.
    Test(test::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Guests(arguments) => guests::run(&arguments),
        Task::Demo(arguments) => demo::run(&arguments),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Pace(arguments) => bench::pace::run(&arguments),
        Task::CrashTest(arguments) => crash_test::run(&arguments),
        Task::Fuzz(arguments) => fuzz::run(&arguments),
        Task::LabTest(arguments) => lab_test::run(&arguments),
        Task::Hostile => hostile::run(),
        Task::RegistryTest => registry_test::run(),
        Task::Test(arguments) => test::run(&arguments),
    }
}
