//! `cellhost module build`: one finished file of a compiled guest and its folder.

use std::path::PathBuf;
use std::process::ExitCode;

use cellhost_packer::{Folder, pack};

use crate::error::{CommandError, Kind};
use crate::terminal::Terminal;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The module's folder, with its module.toml and templates
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// What a compiler made of its source: a core module with component metadata, or a component
    #[arg(long, value_name = "FILE")]
    guest: PathBuf,

    /// Where to put the finished module; beside its folder by default
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let failed = |error: anyhow::Error| CommandError::new(Kind::Failed, error);
    let folder = Folder::load(&args.folder).map_err(|error| match error {
        cellhost_packer::PackError::Manifest(cellhost_plan::LoadError::Wrong(found)) => {
            crate::session::drawn(&found, terminal, "module.toml has", "")
        }
        other => failed(other.into()),
    })?;
    let guest = fs_err::read(&args.guest).map_err(|error| failed(error.into()))?;
    let name = format!("{}.wasm", folder.manifest.name);
    let packed = tokio::task::spawn_blocking(move || pack(&guest, folder))
        .await
        .map_err(|error| CommandError::new(Kind::Bug, error))?
        .map_err(|error| failed(error.into()))?;
    let output = args
        .output
        .unwrap_or_else(|| args.folder.with_file_name(name));
    fs_err::write(&output, &packed).map_err(|error| failed(error.into()))?;
    terminal.note(format!("{}: {} bytes", output.display(), packed.len()));
    Ok(ExitCode::SUCCESS)
}
