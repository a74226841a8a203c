//! `cellhost lab hash`.

use std::process::ExitCode;

use cellhost_lab::Lab;

use super::failure::failed;
use crate::{error::CommandError, terminal::Terminal};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The machine
    machine: String,

    /// Write also what differs from the image, one line for each path
    #[arg(long)]
    differences: bool,
}

/// Writes a sum over all that is on the machine's disk to stdout.
pub(super) fn run(args: &Args, lab: &Lab, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let machine = lab.machine(&args.machine).map_err(failed)?;
    let fingerprint = lab.fingerprint(machine).map_err(failed)?;
    terminal.data(format_args!("{}\n", fingerprint.digest));
    if args.differences {
        let lines = fingerprint
            .differences
            .iter()
            .map(|line| format!("{line}\n"));
        terminal.data(lines.collect::<String>());
    }
    Ok(ExitCode::SUCCESS)
}
