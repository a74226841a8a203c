//! The subcommands: one file each, with its `Args` and its `run`.

mod lab;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{
    error::{CommandError, Kind},
    terminal::Terminal,
};

/// Deploys clusters over ssh by modules that are WebAssembly components.
#[derive(Debug, Parser)]
#[command(
    name = "cellhost",
    version,
    arg_required_else_help = true,
    propagate_version = true
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Real Debian machines on this computer, for trying and testing
    Lab(lab::Args),
}

/// Runs the subcommand chosen, until it ends or is interrupted.
pub(crate) async fn run(
    arguments: Arguments,
    terminal: &Terminal,
) -> Result<ExitCode, CommandError> {
    let command = async {
        match arguments.command {
            Command::Lab(args) => lab::run(args, terminal).await,
        }
    };
    tokio::select! {
        result = command => result,
        _ = tokio::signal::ctrl_c() => {
            Err(CommandError::new(Kind::Interrupted, anyhow::anyhow!("interrupted")))
        }
    }
}
