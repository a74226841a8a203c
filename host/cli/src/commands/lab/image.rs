//! `cellhost lab image`.

use std::process::ExitCode;

use cellhost_lab::{Image, ImageName, check_prerequisites};

use super::{failure::failed, narrator::Narrator};
use crate::{error::CommandError, terminal::Terminal};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The image: `base`, `service` with packages to install, or `python`
    #[arg(value_name = "NAME", default_value = "service")]
    image: ImageName,
}

/// Builds the image unless it is there, and writes its directory to stdout.
pub(super) fn run(args: &Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    check_prerequisites().map_err(failed)?;
    let narrator = Narrator::new(terminal);
    let image = Image::ensure(args.image, &narrator).map_err(failed)?;
    terminal.note(format_args!(
        "image `{}` is there ({:.1} s)",
        image.name(),
        narrator.elapsed()
    ));
    terminal.data(format_args!("{}\n", image.path().display()));
    Ok(ExitCode::SUCCESS)
}
