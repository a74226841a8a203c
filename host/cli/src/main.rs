//! The `cellhost` program: arguments in, text and an exit code out.

mod afar;
mod approval;
mod bundle;
mod cell_lock;
mod commands;
mod consent;
mod controller;
mod directories;
mod error;
mod files;
mod kept;
mod lock;
mod memory;
mod modules;
mod password;
mod progress;
mod reach;
mod record;
mod report;
mod rules;
mod session;
mod terminal;

use std::process::ExitCode;

use clap::Parser as _;

use commands::Arguments;
use error::{CommandError, Kind};
use terminal::Terminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

fn main() -> ExitCode {
    let terminal = Terminal::new();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(refusal) => return terminal.refuse(&refusal),
    };
    listen();
    match run(arguments, &terminal) {
        Ok(code) => code,
        Err(error) => {
            terminal.error(&error);
            error.kind.exit_code()
        }
    }
}

/// Writes what the program says about itself to stderr, where `CELLHOST_LOG` asks for it, such as
/// `CELLHOST_LOG=debug`. Errors are written in any case: they are bugs of ours.
fn listen() {
    let asked = std::env::var("CELLHOST_LOG").unwrap_or_default();
    // A certificate that nobody vouches for is no bug, and is told of by whoever asked for it.
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::ERROR.into())
        .parse_lossy(format!("rustls_platform_verifier=off,{asked}"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}

fn run(arguments: Arguments, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::new(Kind::Bug, error))?;
    let result = runtime.block_on(commands::run(arguments, terminal));
    // Work that an interrupt has left behind must not keep the program alive.
    runtime.shutdown_background();
    result
}
