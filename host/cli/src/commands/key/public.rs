//! `cellhost key public`: the half that others may have.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use cellhost_registry::SecretKey;
use zeroize::Zeroizing;

use crate::error::{CommandError, Kind};
use crate::terminal::Terminal;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The key, as `cellhost key new` makes it
    #[arg(value_name = "FILE")]
    key: PathBuf,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let usage = |error: anyhow::Error| CommandError::new(Kind::Usage, error);
    let text = fs_err::read_to_string(&args.key).map_err(|error| usage(error.into()))?;
    let key = SecretKey::parse(&Zeroizing::new(text))
        .with_context(|| format!("cannot use `{}`", args.key.display()))
        .map_err(usage)?;
    let public = key.public().pem().map_err(|error| usage(error.into()))?;
    terminal.data(public);
    Ok(ExitCode::SUCCESS)
}
