//! `cellhost lab down`.

use std::process::ExitCode;

use cellhost_lab::{Lab, LabDirectory};

use super::failure::failed;
use crate::{error::CommandError, terminal::Terminal};

/// Removes the lab, or what a crash left of it.
pub(super) fn run(directory: &LabDirectory, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let found = Lab::down(directory).map_err(failed)?;
    let what = if found {
        "removed the lab"
    } else {
        "there was no lab"
    };
    terminal.note(format_args!("{what} in {}", directory.path().display()));
    Ok(ExitCode::SUCCESS)
}
