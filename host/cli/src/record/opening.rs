//! What a record begins with.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use cellhost_effects::record::{FORMAT, Line};
use cellhost_lock::Roster;
use cellhost_manifest::digest;
use cellhost_plan::{CellName, InstanceName, MachineName, SecretName};
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::error::{CommandError, Kind as Fault};
use crate::session::Session;

/// What sort of run it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// It changes machines.
    Run,
    /// It makes the changes of a plan that was kept.
    Agreed,
    /// It takes modules off machines.
    Removal,
    /// It says what it would change.
    DryRun,
}

impl Kind {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Agreed => "run of a kept plan",
            Self::Removal => "removal",
            Self::DryRun => "dry run",
        }
    }
}

/// The first line of a record: what was run, and all that is needed to live through it again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Opening {
    format: u32,
    /// The version of the program.
    pub(crate) cellhost: String,
    /// The cell.
    pub(crate) cell: CellName,
    /// What sort of run it is.
    pub(crate) kind: Kind,
    /// The plan.
    pub(crate) plan: PlanText,
    /// Its modules.
    pub(crate) modules: Vec<ModuleUsed>,
    /// Where modules were looked for, beside the program.
    pub(crate) shelves: Vec<PathBuf>,
    /// Which machine had which number in which module.
    pub(crate) roster: Roster,
    /// Which computer's key it is that the values of secrets are told apart under.
    #[serde(default)]
    pub(crate) key: String,
    /// The values of secrets, told apart by a hash under this computer's key.
    pub(crate) secrets: BTreeMap<SecretName, String>,
}

/// A plan as it was read. It names secrets and holds none.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PlanText {
    /// Where it was.
    pub(crate) path: PathBuf,
    /// The hash of its text.
    pub(crate) sha256: String,
    /// Its text.
    pub(crate) text: String,
}

/// A module as it was used.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ModuleUsed {
    /// Its name in the plan.
    pub(crate) name: InstanceName,
    /// The module.
    pub(crate) module: String,
    /// Its version.
    pub(crate) version: Version,
    /// The hash of its bytes.
    pub(crate) sha256: String,
    /// Its machines.
    pub(crate) machines: Vec<MachineName>,
}

impl Opening {
    /// What a run on a plan begins with.
    pub(super) fn of(
        session: &Session,
        key: String,
        secrets: BTreeMap<SecretName, String>,
        kind: Kind,
    ) -> Result<Self, CommandError> {
        let deployment = &session.deployment;
        let source = &deployment.plan.source;
        let absolute = |path: &std::path::Path| {
            std::path::absolute(path)
                .with_context(|| format!("cannot tell where `{}` is", path.display()))
                .map_err(|error| CommandError::new(Fault::Failed, error))
        };
        let modules = deployment.modules.iter();
        let shelves = session.shelves.iter();
        Ok(Self {
            format: FORMAT,
            cellhost: env!("CARGO_PKG_VERSION").to_owned(),
            cell: deployment.plan.cell.clone(),
            kind,
            plan: PlanText {
                path: absolute(source.name().as_ref())?,
                sha256: digest(source.text().as_bytes()),
                text: source.text().to_owned(),
            },
            modules: modules
                .map(|placed| ModuleUsed {
                    name: placed.usage.name.clone(),
                    module: placed.usage.module.to_string(),
                    version: placed.module.embedded().manifest.version.clone(),
                    sha256: placed.module.digest().to_owned(),
                    machines: placed
                        .members
                        .iter()
                        .map(|member| member.name.clone())
                        .collect(),
                })
                .collect(),
            shelves: shelves
                .map(|path| absolute(path))
                .collect::<Result<_, _>>()?,
            roster: session.lock.roster.clone(),
            key,
            secrets,
        })
    }

    /// Reads the first line of a record.
    pub(super) fn read(line: &Line) -> anyhow::Result<Self> {
        anyhow::ensure!(line.kind == "run", "it does not begin with a run");
        Self::deserialize(&line.body).context("its beginning makes no sense")
    }
}
