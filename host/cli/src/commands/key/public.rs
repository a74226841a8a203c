//! `cellhost key public`: the half that others may have.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::error::{CommandError, Kind};
use crate::terminal::Terminal;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The key, as `cellhost key new` makes it
    #[arg(value_name = "FILE")]
    key: PathBuf,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let public = super::read(&args.key)?.public().pem();
    let public = public.map_err(|error| CommandError::new(Kind::Usage, error))?;
    terminal.data(public);
    Ok(ExitCode::SUCCESS)
}
