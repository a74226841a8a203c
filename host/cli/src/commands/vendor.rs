//! `cellhost vendor`: the modules of a plan in a directory beside it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::anyhow;
use cellhost_plan::{InstanceName, Plan};
use cellhost_registry::{Cache, Pin, Resolved, write_layout};

use super::counted;
use crate::cell_lock::CellLock;
use crate::error::{CommandError, Kind};
use crate::files::directory_of;
use crate::lock::Lock;
use crate::modules;
use crate::session::{PlanArgs, load};
use crate::terminal::Terminal;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    plan: PlanArgs,
}

/// A plan whose modules are all on this computer, with nobody else at work on its cell from here.
pub(super) struct Gathered {
    pub(super) plan: Plan,
    /// Its modules, by their names in the plan.
    pub(super) found: BTreeMap<InstanceName, Resolved>,
    /// Those of them that come from registries.
    pub(super) pins: Vec<Pin>,
    /// Where these are kept.
    pub(super) cache: Cache,
    _alone: CellLock,
}

/// Fetches all modules of a plan and writes into its lock what they are.
pub(super) async fn gather(
    args: &PlanArgs,
    command: &str,
    terminal: &Terminal,
) -> Result<Gathered, CommandError> {
    let plan = load(&args.plan, terminal)?;
    let alone = CellLock::take(&plan, command).await?;
    let mut lock = Lock::load(&args.plan, &plan.cell, None).await?;
    let found = modules::take(&plan, &args.sources, &mut lock, terminal).await?;
    lock.save_pins()?;
    Ok(Gathered {
        pins: modules::all_pins(found.values())?,
        cache: modules::cache(&plan)?,
        plan,
        found,
        _alone: alone,
    })
}

pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let directory = modules::vendored(&args.plan.plan);
    let failed = |error: anyhow::Error| {
        let words = format!("cannot put modules into `{}`", directory.display());
        CommandError::new(Kind::Failed, error.context(words))
    };
    if directory.symlink_metadata().is_ok() && !directory.join("oci-layout").is_file() {
        return Err(failed(anyhow!(
            "something else is there, which was not made here"
        )));
    }
    let Gathered { pins, cache, .. } = &gather(&args.plan, "vendor", terminal).await?;
    replace(cache, pins, &directory).await.map_err(failed)?;
    terminal.note(format!(
        "{} in {}; cellhost.lock names them, and no registry is asked for them",
        counted(pins.len(), "module"),
        directory.display()
    ));
    Ok(ExitCode::SUCCESS)
}

/// Puts a layout in the place of the one that may be there.
async fn replace(cache: &Cache, pins: &[Pin], directory: &Path) -> anyhow::Result<()> {
    let place = tempfile::Builder::new()
        .prefix(".vendor-")
        .tempdir_in(directory_of(directory))?;
    let (new, old) = (place.path().join("new"), place.path().join("old"));
    write_layout(cache, pins, &new).await?;
    if directory.symlink_metadata().is_ok() {
        fs_err::rename(directory, &old)?;
    }
    fs_err::rename(&new, directory)?;
    Ok(())
}
