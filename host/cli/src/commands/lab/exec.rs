//! `cellhost lab exec`.

use std::{ffi::OsString, os::unix::process::CommandExt as _, process::ExitCode};

use cellhost_lab::Lab;

use crate::error::{CommandError, Kind};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The command and its arguments
    #[arg(
        value_name = "COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    words: Vec<OsString>,
}

/// Becomes the command, so that signals and the exit code are the command's own.
pub(super) fn run(args: &Args, lab: Lab) -> Result<ExitCode, CommandError> {
    let mut command = lab.exec(&args.words);
    let error = command.exec();
    drop(lab);
    Err(CommandError::new(Kind::Failed, error))
}
