//! `cellhost module publish`: a finished module to a registry.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use cellhost_plan::{ModulePlace, Problem};
use cellhost_registry::publish;

use crate::error::{CommandError, Kind};
use crate::terminal::Terminal;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The module, as `cellhost module build` makes it
    #[arg(value_name = "FILE")]
    module: PathBuf,

    /// The registry and what stands before the namespace there, such as `oci://ghcr.io/acme`
    #[arg(long, value_name = "PLACE", value_parser = place)]
    to: ModulePlace,
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let bytes =
        fs_err::read(&args.module).map_err(|error| CommandError::new(Kind::Usage, error))?;
    let created = created()?;
    let published = publish(&args.to, &bytes, created).await.map_err(|error| {
        let hint = error.hint();
        CommandError::new(Kind::Failed, error).maybe_hint(hint)
    })?;
    let (module, version) = (&published.module, &published.version);
    terminal.note(if published.was_there {
        format!("{module} {version} is there already, just as it is here")
    } else {
        format!("published {module} {version}")
    });
    terminal.data(format!("{}\n", published.address));
    Ok(ExitCode::SUCCESS)
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

fn place(text: &str) -> Result<ModulePlace, String> {
    ModulePlace::parse(text).map_err(|problem: Problem| problem.to_string())
}
