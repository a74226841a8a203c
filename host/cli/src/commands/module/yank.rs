//! `cellhost module yank`: a version that nobody should take any more.

use std::process::ExitCode;

use cellhost_plan::{ModuleId, ModulePlace, Problem};
use cellhost_registry::yank;
use semver::Version;

use super::publish::place;
use crate::error::{CommandError, Kind};
use crate::terminal::Terminal;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The module, such as `acme:cache`
    #[arg(value_name = "MODULE", value_parser = module)]
    module: ModuleId,

    /// The version that is not to be taken any more
    #[arg(value_name = "VERSION")]
    number: Version,

    /// The registry and what stands before the namespace there, such as `oci://ghcr.io/acme`
    #[arg(long, value_name = "PLACE", value_parser = place)]
    from: ModulePlace,

    /// Why, for those who have it or ask for it
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let (module, version) = (&args.module, &args.number);
    let yanked = yank(&args.from, module, version, &args.reason).await;
    let was_yanked = yanked.map_err(|error| {
        let hint = error.hint();
        CommandError::new(Kind::Failed, error).maybe_hint(hint)
    })?;
    terminal.note(if was_yanked {
        format!("{module} {version} was yanked before; what was said then stays")
    } else {
        format!(
            "yanked {module} {version}: it stays where it is for those whose cellhost.lock names \
             it, and nobody else is given it unasked"
        )
    });
    Ok(ExitCode::SUCCESS)
}

fn module(text: &str) -> Result<ModuleId, String> {
    text.parse().map_err(|problem: Problem| problem.to_string())
}
