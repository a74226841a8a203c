//! `cellhost key`: keys that modules are signed with.

mod new;
mod public;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use cellhost_registry::SecretKey;
use clap::Subcommand;
use zeroize::Zeroizing;

use crate::error::{CommandError, Kind};
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

/// Reads a key from a file.
pub(crate) fn read(path: &Path) -> Result<SecretKey, CommandError> {
    let text = fs_err::read_to_string(path).map(Zeroizing::new);
    let text = text.map_err(|error| CommandError::new(Kind::Usage, error))?;
    parse(&path.display().to_string(), &text)
}

/// Reads a key from a text that is called this.
pub(crate) fn parse(name: &str, text: &str) -> Result<SecretKey, CommandError> {
    SecretKey::parse(text)
        .with_context(|| format!("cannot use `{name}`"))
        .map_err(|error| CommandError::new(Kind::Usage, error))
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    match &args.command {
        Command::New(args) => new::run(args, terminal),
        Command::Public(args) => public::run(args, terminal),
    }
}
