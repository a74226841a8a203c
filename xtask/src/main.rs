//! Builds guests, runs the demo and the tests: `cargo xtask <task>`. One task is one file.
#![expect(clippy::print_stderr, reason = "a task tells people what it does")]

mod guests;

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
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Guests(arguments) => guests::run(&arguments),
    }
}
