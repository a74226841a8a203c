//! `cellhost key`: keys that modules are signed with.

mod new;
mod public;

use std::process::ExitCode;

use clap::Subcommand;

use crate::error::CommandError;
use crate::terminal::Terminal;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key: NAME.key to sign with, NAME.pub for the plans of those who trust it
    New(new::Args),
    /// Write the public half of a key
    Public(public::Args),
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    match &args.command {
        Command::New(args) => new::run(args, terminal),
        Command::Public(args) => public::run(args, terminal),
    }
}
