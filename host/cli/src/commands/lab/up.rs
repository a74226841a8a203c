//! `cellhost lab up`.

use std::process::ExitCode;

use cellhost_lab::{ImageName, Lab, LabDirectory, inventory};

use super::{failure::failed, narrator::Narrator};
use crate::{error::CommandError, terminal::Terminal};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many machines there are to be: m1 to mN
    #[arg(value_name = "N")]
    count: u16,

    /// What the machines are made of: `base`, `service` with packages to install, or `python`
    #[arg(long, value_name = "NAME", default_value = "service")]
    image: ImageName,
}

/// Brings the lab up and writes its part of a plan to stdout.
pub(super) fn run(
    args: &Args,
    directory: &LabDirectory,
    terminal: &Terminal,
) -> Result<ExitCode, CommandError> {
    let narrator = Narrator::new(terminal);
    let lab = Lab::up(directory, args.count, args.image, &narrator).map_err(failed)?;
    let (count, place) = (lab.machines().len(), directory.path().display());
    let noun = if count == 1 { "machine" } else { "machines" };
    terminal.note(format_args!(
        "{count} {noun} up in {:.1} s ({place})",
        narrator.elapsed()
    ));
    terminal.data(inventory(&lab.machines()));
    Ok(ExitCode::SUCCESS)
}
