//! `cellhost bundle`: a plan with all that it needs, in one file.

use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use cellhost_manifest::digest;
use cellhost_plan::{Plan, Trust};
use cellhost_registry::write_layout;

use super::counted;
use super::vendor::{Gathered, gather};
use crate::bundle::{Files, MODULES, pack};
use crate::error::{CommandError, Kind};
use crate::files;
use crate::session::PlanArgs;
use crate::terminal::Terminal;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    plan: PlanArgs,

    /// The file; the cell's name with `.bundle` unless given
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let gathered = gather(&args.plan, "bundle", terminal).await?;
    let path = &args.plan.plan;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut files = keys(&gathered.plan, path)?;
    let text = gathered.plan.source.text();
    files.insert(name.clone().into_owned(), text.as_bytes().to_vec());
    let failed = |error: anyhow::Error| CommandError::new(Kind::Failed, error);
    modules(&gathered, path, &mut files).await.map_err(failed)?;
    let out = args.out.unwrap_or_else(|| {
        let cell = &gathered.plan.cell;
        PathBuf::from(format!("{cell}.bundle"))
    });
    let bytes = pack(&name, &files).map_err(failed)?;
    files::write(&out, &bytes, 0o644)
        .with_context(|| format!("cannot write `{}`", out.display()))
        .map_err(failed)?;
    terminal.note(format!(
        "{} with {} and {}; secrets, and the keys and the configuration of ssh, are not in it",
        out.display(),
        name,
        counted(gathered.found.len(), "module"),
    ));
    terminal.data(format!("sha256:{}\n", digest(&bytes)));
    Ok(ExitCode::SUCCESS)
}

/// The keys that the plan trusts, under the names that it has for them.
fn keys(plan: &Plan, path: &Path) -> Result<Files, CommandError> {
    let usage = |error: anyhow::Error| CommandError::new(Kind::Usage, error);
    let beside = path.parent().unwrap_or(Path::new(""));
    let mut files = Files::new();
    for trust in plan.registries.trust.values() {
        let Trust::Signed { keys, .. } = trust else {
            continue;
        };
        for key in keys {
            let name = key.path.strip_prefix(beside).unwrap_or(&key.path);
            let mut parts = name.components();
            if !parts.all(|part| matches!(part, Component::Normal(_))) || name.starts_with("~") {
                let error = anyhow!("the key `{}` is not below the plan", name.display());
                return Err(usage(error).hint(
                    "what a bundle has in it is found beside its plan: put the key there, and name \
                     it so",
                ));
            }
            let bytes = fs_err::read(&key.path).map_err(|error| usage(error.into()))?;
            files.insert(name.to_string_lossy().into_owned(), bytes);
        }
    }
    Ok(files)
}

/// The modules: those of registries as they are there, with the lock that says which they are, and all
/// others as they were found.
async fn modules(gathered: &Gathered, path: &Path, files: &mut Files) -> anyhow::Result<()> {
    let lock = path.with_file_name("cellhost.lock");
    if lock.is_file() {
        files.insert("cellhost.lock".to_owned(), fs_err::read(&lock)?);
    }
    let others = gathered.found.values().filter(|found| found.pin.is_none());
    for found in others {
        let (module, version) = (&found.module, &found.version);
        let name = format!("{}-{}-{version}.wasm", module.namespace(), module.name());
        files.insert(format!("{MODULES}/{name}"), found.bytes.clone());
    }
    if gathered.pins.is_empty() {
        return Ok(());
    }
    let layout = tempfile::tempdir()?;
    write_layout(&gathered.cache, &gathered.pins, layout.path()).await?;
    for directory in ["", "blobs/sha256"] {
        for entry in fs_err::read_dir(layout.path().join(directory))? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                let path = entry.path();
                let name = path.strip_prefix(layout.path())?;
                let name = format!("vendor/{}", name.display());
                files.insert(name, fs_err::read(&path)?);
            }
        }
    }
    Ok(())
}
