//! The `cellhost` program: arguments in, text and an exit code out.

mod commands;
mod directories;
mod error;
mod lock;
mod progress;
mod report;
mod session;
mod terminal;

use std::process::ExitCode;

use clap::Parser as _;

use commands::Arguments;
use error::{CommandError, Kind};
use terminal::Terminal;

fn main() -> ExitCode {
    let terminal = Terminal::new();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(refusal) => return terminal.refuse(&refusal),
    };
    match run(arguments, &terminal) {
        Ok(code) => code,
        Err(error) => {
            terminal.error(&error);
            error.kind.exit_code()
        }
    }
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
