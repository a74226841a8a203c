//! `cellhost module`: builds modules and looks into them.

mod build;
pub(crate) mod inspect;
mod publish;
mod yank;

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
    /// Make one finished .wasm of a compiled guest and its folder
    Build(build::Args),
    /// Show what a module is, needs and asks for
    Inspect(inspect::Args),
    /// Put a finished module into a registry, under its version
    Publish(publish::Args),
    /// Say of a version that nobody should take it any more
    Yank(yank::Args),
}

pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    match args.command {
        Command::Build(args) => build::run(args, terminal).await,
        Command::Inspect(args) => inspect::run(&args, terminal).await,
        Command::Publish(args) => publish::run(&args, terminal).await,
        Command::Yank(args) => yank::run(&args, terminal).await,
    }
}
