//! `cellhost key new`: a pair of files.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use cellhost_registry::SecretKey;

use crate::error::{CommandError, Kind};
use crate::terminal::Terminal;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Whose key it is, such as `acme`; may have a directory before it
    #[arg(value_name = "NAME")]
    name: PathBuf,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let failed = |error: anyhow::Error| CommandError::new(Kind::Failed, error);
    let mut secret = args.name.clone().into_os_string();
    let mut public = secret.clone();
    secret.push(".key");
    public.push(".pub");
    let key = SecretKey::generate();
    let closed = key.pem().map_err(|error| failed(error.into()))?;
    let open = key.public().pem().map_err(|error| failed(error.into()))?;
    write(Path::new(&secret), 0o600, &closed).map_err(failed)?;
    write(Path::new(&public), 0o644, &open).map_err(failed)?;
    terminal.note(format!(
        "{} signs: keep it to yourself; there is no password on it. {} is for the plans of those who \
         trust it",
        Path::new(&secret).display(),
        Path::new(&public).display()
    ));
    Ok(ExitCode::SUCCESS)
}

/// Never replaces a file: a key that is gone cannot be made again.
fn write(path: &Path, mode: u32, text: &str) -> anyhow::Result<()> {
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
    made.with_context(|| format!("cannot write `{}`", path.display()))
}
