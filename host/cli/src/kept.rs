//! Plans that were kept: what a dry run foresaw, as a file that a later run keeps to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use cellhost_effects::Agreement;
use cellhost_engine::Placed;
use cellhost_manifest::digest;
use cellhost_plan::{CellName, InstanceName};
use serde::{Deserialize, Serialize};

use crate::error::{CommandError, Kind};
use crate::files;
use crate::session::{PlanArgs, Session};

/// The form of such files that this program writes, and the only one it reads.
const FORMAT: u32 = 1;

/// A dry run that was kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Kept {
    /// The form of the file.
    cellhost_plan: u32,
    /// The program's version: fingerprints of wishes are its own.
    cellhost: String,
    /// When it was made.
    made: String,
    /// What is deployed.
    cell: CellName,
    /// Where the plan is.
    plan: PathBuf,
    /// The hash of the plan's text.
    plan_sha256: String,
    /// Directories that modules came from.
    modules_from: Vec<PathBuf>,
    /// The modules.
    modules: BTreeMap<InstanceName, KeptModule>,
    /// The hash of who has which number.
    roster_sha256: String,
    /// What was foreseen.
    pub(crate) agreement: Agreement,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptModule {
    module: String,
    version: semver::Version,
    sha256: String,
}

impl KeptModule {
    fn of(placed: &Placed) -> Self {
        Self {
            module: placed.usage.module.to_string(),
            version: placed.module.embedded().manifest.version.clone(),
            sha256: placed.module.digest().to_owned(),
        }
    }
}

impl Kept {
    /// What a dry run of a session foresaw.
    pub(crate) fn of(
        args: &PlanArgs,
        session: &Session,
        agreement: Agreement,
    ) -> Result<Self, CommandError> {
        let absolute = |path: &PathBuf| {
            fs_err::canonicalize(path).map_err(|error| CommandError::new(Kind::Failed, error))
        };
        let deployment = &session.deployment;
        let modules = deployment.modules.iter();
        Ok(Self {
            cellhost_plan: FORMAT,
            cellhost: env!("CARGO_PKG_VERSION").to_owned(),
            made: jiff::Timestamp::now().to_string(),
            cell: deployment.plan.cell.clone(),
            plan: absolute(&args.plan)?,
            plan_sha256: digest(deployment.plan.source.text().as_bytes()),
            modules_from: args
                .sources
                .modules
                .iter()
                .map(absolute)
                .collect::<Result<_, _>>()?,
            modules: modules
                .map(|placed| (placed.usage.name.clone(), KeptModule::of(placed)))
                .collect(),
            roster_sha256: roster(session)?,
            agreement,
        })
    }

    /// Writes it where nobody else can read it, as a whole or not at all.
    pub(crate) fn write(&self, path: &Path) -> Result<(), CommandError> {
        let failed = |error: anyhow::Error| CommandError::new(Kind::Failed, error);
        let written = || -> anyhow::Result<()> {
            let mut text = serde_json::to_string_pretty(self)?;
            text.push('\n');
            Ok(files::write(path, text.as_bytes(), 0o600)?)
        };
        written()
            .with_context(|| format!("cannot write `{}`", path.display()))
            .map_err(failed)
    }

    /// Reads a kept plan, where the file is one; none where it is anything else, such as a plan.
    pub(crate) fn recognize(path: &Path) -> Result<Option<Self>, CommandError> {
        // Whatever is wrong with a plan is said by whoever reads plans.
        let Ok(text) = fs_err::read_to_string(path) else {
            return Ok(None);
        };
        if !text.trim_start().starts_with('{') {
            return Ok(None);
        }
        let usage = |error: anyhow::Error| CommandError::new(Kind::Usage, error);
        let not_one = || format!("`{}` is no kept plan", path.display());
        let value: serde_json::Value = serde_json::from_str(&text)
            .with_context(not_one)
            .map_err(usage)?;
        let format = value
            .get("cellhost-plan")
            .and_then(serde_json::Value::as_u64);
        match format {
            Some(format) if format == u64::from(FORMAT) => {}
            Some(format) => {
                let error = anyhow!("`{}` is a kept plan of form {format}", path.display());
                return Err(usage(error).hint("make it anew with this cellhost"));
            }
            None => return Err(usage(anyhow!(not_one()))),
        }
        let kept = serde_json::from_value(value)
            .with_context(not_one)
            .map_err(usage)?;
        Ok(Some(kept))
    }

    /// The plan that it was made of, and where its modules came from.
    pub(crate) fn arguments(&self, given: &PlanArgs) -> PlanArgs {
        let mut sources = given.sources.clone();
        if sources.modules.is_empty() {
            sources.modules.clone_from(&self.modules_from);
        }
        PlanArgs {
            plan: self.plan.clone(),
            sources,
        }
    }

    /// Refuses a session that is not the one it was made of.
    pub(crate) fn check(&self, session: &Session) -> Result<(), CommandError> {
        let deployment = &session.deployment;
        let mut wrong = Vec::new();
        if self.cellhost != env!("CARGO_PKG_VERSION") {
            wrong.push(format!("it was made by cellhost {}", self.cellhost));
        }
        if self.plan_sha256 != digest(deployment.plan.source.text().as_bytes()) {
            wrong.push(format!("`{}` is not what it was", self.plan.display()));
        }
        if self.roster_sha256 != roster(session)? {
            wrong.push("machines have other numbers or addresses in cellhost.lock".to_owned());
        }
        for placed in &deployment.modules {
            let now = KeptModule::of(placed);
            let name = &placed.usage.name;
            match self.modules.get(name) {
                Some(then) if *then == now => {}
                Some(then) if then.version != now.version => wrong.push(format!(
                    "module `{name}` is {} now and was {}",
                    now.version, then.version
                )),
                _ => wrong.push(format!("module `{name}` is not what it was")),
            }
        }
        if wrong.is_empty() {
            return Ok(());
        }
        let error = anyhow!(
            "this was not agreed to: {}; nothing was touched",
            wrong.join(", ")
        );
        Err(CommandError::new(Kind::Usage, error).hint("look again: `cellhost plan -o FILE`"))
    }
}

/// Stands for who has which number in which module, and how they are reached.
fn roster(session: &Session) -> Result<String, CommandError> {
    let text = serde_json::to_string(&session.lock.roster)
        .map_err(|error| CommandError::new(Kind::Bug, error))?;
    Ok(digest(text.as_bytes()))
}
