//! `cellhost registry`: modules for others.

mod index;
mod serve;

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
    /// Offer the modules of a directory over HTTP, to be read only
    Serve(serve::Args),
    /// Write what a web server has to have to be a registry of the modules of a directory
    Index(index::Args),
}

pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    match args.command {
        Command::Serve(args) => serve::run(args, terminal).await,
        Command::Index(args) => index::run(args, terminal).await,
    }
}
