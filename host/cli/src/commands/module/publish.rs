//! `cellhost module publish`: a finished module to a registry.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use cellhost_plan::{ModulePlace, Problem};
use cellhost_registry::{SecretKey, publish};
use zeroize::Zeroizing;

use crate::commands::key;
use crate::error::{CommandError, Kind};
use crate::terminal::Terminal;

/// Where a key may be instead of in a file.
const VARIABLE: &str = "CELLHOST_KEY";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The module, as `cellhost module build` makes it
    #[arg(value_name = "FILE")]
    module: PathBuf,

    /// The registry and what stands before the namespace there, such as `oci://ghcr.io/acme`
    #[arg(long, value_name = "PLACE", value_parser = place)]
    to: ModulePlace,

    /// Sign it with this key, as `cellhost key new` makes it; also where it is there already.
    /// `CELLHOST_KEY` may have the text of a key instead
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let bytes =
        fs_err::read(&args.module).map_err(|error| CommandError::new(Kind::Usage, error))?;
    let created = created()?;
    let key = secret(args.key.as_deref())?;
    let published = publish(&args.to, &bytes, created, key.as_ref())
        .await
        .map_err(|error| {
            let hint = error.hint();
            CommandError::new(Kind::Failed, error).maybe_hint(hint)
        })?;
    let (module, version) = (&published.module, &published.version);
    terminal.note(if published.was_there {
        format!("{module} {version} is there already, just as it is here")
    } else {
        format!("published {module} {version}")
    });
    if published.is_signed_now {
        terminal.note("signed");
    } else if key.is_none() {
        terminal.note(
            "not signed: it is taken by those only who trust it unsigned; sign it with `--key`",
        );
    }
    terminal.data(format!("{}\n", published.address));
    Ok(ExitCode::SUCCESS)
}

/// The key to sign with, if one is given.
fn secret(file: Option<&Path>) -> Result<Option<SecretKey>, CommandError> {
    if let Some(path) = file {
        return key::read(path).map(Some);
    }
    let Ok(text) = std::env::var(VARIABLE).map(Zeroizing::new) else {
        return Ok(None);
    };
    key::parse(VARIABLE, &text).map(Some)
}

/// The time that the artifact says: the same module is the same artifact, so it is none of ours.
fn created() -> Result<u64, CommandError> {
    let Ok(given) = std::env::var("SOURCE_DATE_EPOCH") else {
        return Ok(0);
    };
    given
        .parse()
        .with_context(|| format!("SOURCE_DATE_EPOCH is `{given}`, which is no time in seconds"))
        .map_err(|error| CommandError::new(Kind::Usage, error))
}

pub(super) fn place(text: &str) -> Result<ModulePlace, String> {
    ModulePlace::parse(text).map_err(|problem: Problem| problem.to_string())
}
