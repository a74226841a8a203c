//! From a plan's path to a deployment that every module has agreed to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::anyhow;
use cellhost_engine::{Deployment, prepare};
use cellhost_lock::Roster;
use cellhost_plan::{Diagnostic, Diagnostics, InstanceName, LoadError, Plan, Problem};
use cellhost_registry::Resolved;
use cellhost_runtime::{Module, Runtime};
use cellhost_state::Loss;

use crate::afar::{self, FarLock};
use crate::bundle;
use crate::cell_lock::CellLock;
use crate::directories;
use crate::error::{CommandError, Kind};
use crate::lock::Lock;
use crate::modules::{self, Sources};
use crate::terminal::Terminal;
use crate::{consent, rules};

/// What commands that take a plan have in common.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    /// The plan, or a bundle of one
    #[arg(value_name = "PLAN", default_value = "plan.toml")]
    pub(crate) plan: PathBuf,

    #[command(flatten)]
    pub(crate) sources: Sources,
}

impl PlanArgs {
    /// The same with a plan, where a bundle is given.
    pub(crate) fn settled(self) -> Result<Self, CommandError> {
        bundle::settled(self)
    }
}

/// A plan that can be run.
pub(crate) struct Session {
    /// The plan and its modules, ready.
    pub(crate) deployment: Deployment,
    /// The lock beside the plan, brought up to date but not yet written.
    pub(crate) lock: Lock,
    /// The right to change this cell's machines from here, where that was asked for.
    alone: Option<CellLock>,
    /// Which machine had which number when the lock was read.
    pub(crate) written: Roster,
    /// Which of its modules come from a registry, by their names in the plan.
    pub(crate) strangers: BTreeSet<InstanceName>,
    /// The bytes of its modules by their hash.
    pub(crate) bytes: BTreeMap<String, Vec<u8>>,
    /// Where modules were looked for, beside this program.
    pub(crate) shelves: Vec<PathBuf>,
}

impl Session {
    /// Loads the plan and its modules and lets every one of them judge it. For commands that only
    /// look.
    pub(crate) async fn open(args: &PlanArgs, terminal: &Terminal) -> Result<Self, CommandError> {
        let plan = load(&args.plan, terminal)?;
        let store = afar::store(&plan)?;
        let lock = Lock::load(&args.plan, &plan.cell, store.as_ref()).await?;
        Self::of(args, plan, lock, None, terminal).await
    }

    /// The same without a word to anybody: machines have the numbers that are known here.
    pub(crate) async fn open_here(
        args: &PlanArgs,
        terminal: &Terminal,
    ) -> Result<Self, CommandError> {
        let plan = load(&args.plan, terminal)?;
        // Whether it could be used is a matter of the plan.
        afar::store(&plan)?;
        let lock = Lock::load(&args.plan, &plan.cell, None).await?;
        Self::of(args, plan, lock, None, terminal).await
    }

    /// The same for a command that tells what modules ask for: whether the plan grants that is not
    /// looked at.
    pub(crate) async fn open_ungranted(
        args: &PlanArgs,
        terminal: &Terminal,
    ) -> Result<Self, CommandError> {
        let plan = load(&args.plan, terminal)?;
        let lock = Lock::load(&args.plan, &plan.cell, None).await?;
        Self::made(args, plan, lock, None, terminal).await
    }

    /// The same for a command that changes machines, such as `run`: nobody else changes those of
    /// this cell from here as long as the session lives. Refused where somebody does.
    pub(crate) async fn open_alone(
        args: &PlanArgs,
        command: &str,
        terminal: &Terminal,
    ) -> Result<Self, CommandError> {
        let plan = load(&args.plan, terminal)?;
        let alone = CellLock::take(&plan, command).await?;
        let store = alone.far().map(|far| &far.store);
        let lock = Lock::load(&args.plan, &plan.cell, store).await?;
        Self::of(args, plan, lock, Some(alone), terminal).await
    }

    /// Tells whoever is refused meanwhile which run it is.
    pub(crate) async fn held_for(&self, run: &str) -> Result<(), CommandError> {
        match &self.alone {
            Some(alone) => alone.held_for(run).await,
            None => Ok(()),
        }
    }

    /// The lock of the cell in its store, where it has one and this session changes machines.
    pub(crate) fn far(&self) -> Option<&FarLock> {
        self.alone.as_ref()?.far()
    }

    /// Whether that was lost.
    pub(crate) fn loss(&self) -> Option<Loss> {
        self.far()?.loss()
    }

    /// The same with machines numbered as they were in a run that is gone on with.
    pub(crate) async fn open_as(
        args: &PlanArgs,
        command: &str,
        roster: &Roster,
        terminal: &Terminal,
    ) -> Result<Self, CommandError> {
        let plan = load(&args.plan, terminal)?;
        let alone = CellLock::take(&plan, command).await?;
        let store = alone.far().map(|far| &far.store);
        let mut lock = Lock::load(&args.plan, &plan.cell, store).await?;
        let written = std::mem::replace(&mut lock.roster, roster.clone());
        let session = Self::of(args, plan, lock, Some(alone), terminal).await?;
        Ok(Self { written, ..session })
    }

    async fn of(
        args: &PlanArgs,
        plan: Plan,
        lock: Lock,
        alone: Option<CellLock>,
        terminal: &Terminal,
    ) -> Result<Self, CommandError> {
        if alone.is_some() {
            rules::are_open(&plan)?;
        }
        let session = Self::made(args, plan, lock, alone, terminal).await?;
        let found: Vec<Diagnostic> = consent::missing(&session.deployment, &session.strangers);
        if !found.is_empty() {
            return Err(wrong(&found.into(), terminal));
        }
        if session.alone.is_some() {
            rules::are_few(&session.deployment)?;
        }
        Ok(session)
    }

    async fn made(
        args: &PlanArgs,
        plan: Plan,
        mut lock: Lock,
        alone: Option<CellLock>,
        terminal: &Terminal,
    ) -> Result<Self, CommandError> {
        let plan = Arc::new(plan);
        let written = lock.roster.clone();
        let resolved = modules::take(&plan, &args.sources, &mut lock, terminal).await?;
        let strangers = resolved.iter().filter(|(_, found)| found.pin.is_some());
        let strangers = strangers.map(|(name, _)| name.clone()).collect();
        let bytes = resolved.values();
        let bytes = bytes
            .map(|found| (found.digest.clone(), found.bytes.clone()))
            .collect();
        let compiled = compile(&plan, resolved, terminal).await?;
        let mut roster: Roster = lock.roster.clone();
        let deployment = prepare(plan.clone(), &compiled, &mut roster)
            .await
            .map_err(|found| wrong(&found, terminal))?;
        lock.roster = roster;
        Ok(Self {
            deployment,
            lock,
            alone,
            written,
            strangers,
            bytes,
            shelves: args.sources.modules.clone(),
        })
    }
}

pub(crate) fn load(path: &Path, terminal: &Terminal) -> Result<Plan, CommandError> {
    match Plan::load(path) {
        Ok(plan) => {
            if !plan.warnings.is_empty() {
                terminal.drawn(&Diagnostics::from(plan.warnings.clone()));
            }
            Ok(plan)
        }
        Err(LoadError::Wrong(found)) => Err(wrong(&found, terminal)),
        Err(_) if bundle::is_one(path) => {
            let error = anyhow!("`{}` is a bundle, and not a plan", path.display());
            Err(CommandError::new(Kind::Usage, error)
                .hint("do this to the plan that it was made of, and make it anew"))
        }
        Err(error) => Err(CommandError::new(Kind::Usage, error)),
    }
}

/// Compiles every module once, however often the plan uses it.
pub(crate) async fn compile(
    plan: &Plan,
    resolved: BTreeMap<InstanceName, Resolved>,
    terminal: &Terminal,
) -> Result<BTreeMap<InstanceName, Module>, CommandError> {
    let cache = directories::cache()?.join("compiled");
    let totals = crate::memory::totals()?;
    let work = tokio::task::spawn_blocking(move || {
        let runtime = Runtime::new(Some(&cache))?.within(totals);
        let mut compiled: BTreeMap<String, Module> = BTreeMap::new();
        let mut modules = BTreeMap::new();
        let mut refused = Vec::new();
        for (name, found) in resolved {
            if let Some(module) = compiled.get(&found.digest) {
                modules.insert(name, module.clone());
                continue;
            }
            let label = format!("{} {} from {}", found.module, found.version, found.origin);
            match runtime.load(&found.bytes, &label) {
                Ok(module) => {
                    compiled.insert(found.digest, module.clone());
                    modules.insert(name, module);
                }
                Err(error) => refused.push((name, error)),
            }
        }
        Ok::<_, cellhost_runtime::LoadError>((modules, refused))
    });
    let (modules, refused) = work
        .await
        .map_err(|error| CommandError::new(Kind::Bug, error))?
        .map_err(|error| CommandError::new(Kind::Failed, error))?;
    if refused.is_empty() {
        return Ok(modules);
    }
    let found: Vec<Diagnostic> = refused
        .into_iter()
        .filter_map(|(name, error)| {
            let usage = plan.module(&name)?;
            let mut problem = Problem::new(error.to_string());
            if let Some(cause) = std::error::Error::source(&error) {
                problem = problem.label(cause.to_string());
            }
            let problem = problem.maybe_help(error.hint().map(str::to_owned));
            Some(Diagnostic::error(
                &plan.source,
                usage.requirement_span(),
                problem,
            ))
        })
        .collect();
    Err(wrong(&found.into(), terminal))
}

/// Draws what is wrong with a plan and ends the command.
pub(crate) fn wrong(found: &Diagnostics, terminal: &Terminal) -> CommandError {
    drawn(found, terminal, "the plan has", "; nothing was touched")
}

/// Draws what is wrong with a file and ends the command with a count between these words.
pub(crate) fn drawn(
    found: &Diagnostics,
    terminal: &Terminal,
    before: &str,
    after: &str,
) -> CommandError {
    terminal.drawn(found);
    let count = crate::commands::counted(found.errors().count(), "error");
    CommandError::new(Kind::Usage, anyhow!("{before} {count}{after}"))
}
