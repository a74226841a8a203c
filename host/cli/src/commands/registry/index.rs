//! `cellhost registry index`: the modules of a directory as files for a web server.

use std::path::PathBuf;
use std::process::ExitCode;

use cellhost_registry::Offer;

use crate::commands::counted;
use crate::error::{CommandError, Kind};
use crate::terminal::Terminal;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The directory of finished modules
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// The root of the web server, which `v2` is written into
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
}

pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let (from, to) = (args.directory, args.output.clone());
    let work = tokio::task::spawn_blocking(move || Offer::new(from).write(&to));
    let count = work
        .await
        .map_err(|error| CommandError::new(Kind::Bug, error))?
        .map_err(|error| CommandError::new(Kind::Failed, error))?;
    let count = counted(count, "module");
    terminal.note(format!("{count} in {}", args.output.join("v2").display()));
    Ok(ExitCode::SUCCESS)
}
