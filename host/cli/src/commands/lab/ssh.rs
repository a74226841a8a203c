//! `cellhost lab ssh`: the one place where a person talks to a machine.

use std::{ffi::OsString, os::unix::process::CommandExt as _, process::ExitCode};

use cellhost_lab::Lab;

use super::failure::failed;
use crate::error::{CommandError, Kind};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The machine
    machine: String,

    /// A command for the machine's shell, as ssh takes it; without one, a shell to type into
    #[arg(
        value_name = "COMMAND",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    words: Vec<OsString>,
}

/// Becomes ssh, which has the terminal to itself.
pub(super) fn run(args: &Args, lab: Lab) -> Result<ExitCode, CommandError> {
    let machine = lab.machine(&args.machine).map_err(failed)?;
    let error = lab.ssh(machine, &args.words).exec();
    drop(lab);
    Err(CommandError::new(Kind::Failed, error))
}
