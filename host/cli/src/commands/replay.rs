//! `cellhost replay`: lives through a run once more from its record.

mod with;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, anyhow};
use cellhost_effects::Effects;
use cellhost_effects::layers::{Replay, Replayed};
use cellhost_effects::record::{Past, Record};
use cellhost_engine::{Deployment, Stop, prepare, run as run_deployment};
use cellhost_plan::{InstanceName, Plan};
use cellhost_registry::Resolved;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::counted;
use crate::afar;
use crate::error::{CommandError, Kind};
use crate::modules::Sources;
use crate::record::{Entry, Opening, Shelf, bring_modules, kept};
use crate::report::{self, Format, clean};
use crate::session::{compile, wrong};
use crate::terminal::Terminal;

use with::{Other, compare, replace};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The run, by its name or the beginning of it
    #[arg(value_name = "RUN")]
    run: String,

    /// Say what this version of a module would have asked otherwise, such as `redis=1.2.0`; may be
    /// repeated
    #[arg(long, value_name = "MODULE=VERSION")]
    with: Vec<Other>,

    /// A directory of modules to find that version in, before those inside this program; may be
    /// repeated
    #[arg(long, value_name = "DIR", requires = "with")]
    modules: Vec<PathBuf>,

    /// The plan whose store is looked into beside this computer; `plan.toml`, where one is here,
    /// unless given
    #[arg(long, value_name = "PLAN")]
    plan: Option<PathBuf>,

    /// How to write what came of it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How often something is on record, and the hash over it.
struct Count {
    turns: usize,
    effects: usize,
    machines: usize,
    digest: String,
}

pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let store = afar::refresh(args.plan.as_deref(), terminal).await?;
    let entry = Shelf::open()?.find(&args.run)?;
    if let Some(store) = &store {
        bring_modules(store, &entry.opening).await?;
    }
    let past = read(&entry)?;
    let deployment = prepared(&args, &entry.opening, terminal).await?;
    if !args.with.is_empty() {
        return Ok(compare(&deployment, past, &entry.opening, args.format, terminal).await);
    }
    let begun = Instant::now();
    let replay = lived_through(&deployment, past.clone()).await;
    let took = begun.elapsed();
    let (original, present) = (count(&past)?, count(&replay.present)?);
    let equal = original.digest == present.digest && replay.divergences.is_empty();
    match args.format {
        Format::Json => {
            let data = json!({
                "id": entry.id,
                "equal": equal,
                "turns": present.turns,
                "effects": present.effects,
                "machines": present.machines,
                "sha256": present.digest,
                "sha256-on-record": original.digest,
                "divergences": replay.divergences.iter().map(|divergence| json!({
                    "effect": divergence.effect.to_string(),
                    "machine": divergence.machine,
                    "difference": divergence.difference,
                })).collect::<Vec<Value>>(),
                "seconds": took.as_secs_f64(),
            });
            terminal.data(format!("{data}\n"));
        }
        Format::Text => {
            for divergence in &replay.divergences {
                let words = clean(&divergence.difference);
                terminal.data(format!("{}: {words}\n", divergence.effect));
            }
            terminal.data(format!(
                "{}, {} on {} in {}\non record {}\nthis time {}\n",
                counted(present.turns, "turn"),
                counted(present.effects, "effect"),
                counted(present.machines, "machine"),
                report::seconds(took),
                original.digest,
                present.digest,
            ));
        }
    }
    if equal {
        return Ok(ExitCode::SUCCESS);
    }
    let error = match replay.divergences.len() {
        0 => anyhow!("turns ended otherwise than on record"),
        count => anyhow!("{} from the record", counted(count, "divergence")),
    };
    Err(CommandError::new(Kind::Failed, error)
        .hint("the modules are those of the run, so this is a bug of cellhost or of a module"))
}

fn read(entry: &Entry) -> Result<Past, CommandError> {
    let read = || -> anyhow::Result<Past> { Ok(Past::of(&Record::read(&entry.path)?)?) };
    read()
        .with_context(|| format!("cannot use the record of run {}", entry.short()))
        .map_err(|error| CommandError::new(Kind::Failed, error))
}

/// The run's own plan, modules and numbers of machines, as they were.
async fn prepared(
    args: &Args,
    opening: &Opening,
    terminal: &Terminal,
) -> Result<Deployment, CommandError> {
    let name = opening.plan.path.display().to_string();
    let plan = Plan::parse(&name, &opening.plan.text).map_err(|found| wrong(&found, terminal))?;
    let mut found: BTreeMap<InstanceName, Resolved> = BTreeMap::new();
    for used in &opening.modules {
        let usage = plan.module(&used.name).ok_or_else(|| {
            let error = anyhow!("the plan on record has no module `{}`", used.name);
            CommandError::new(Kind::Failed, error)
        })?;
        let resolved = Resolved {
            module: usage.module.clone(),
            version: used.version.clone(),
            origin: "the record".to_owned(),
            digest: used.sha256.clone(),
            bytes: kept(&used.sha256)?,
            pin: None,
            yanked: None,
        };
        found.insert(used.name.clone(), resolved);
    }
    let registry = Sources::of(args.modules.clone()).registry(&plan, terminal)?;
    replace(&plan, &mut found, &args.with, &registry).await?;
    let modules = compile(&plan, found, terminal).await?;
    let mut roster = opening.roster.clone();
    prepare(Arc::new(plan), &modules, &mut roster)
        .await
        .map_err(|found| wrong(&found, terminal))
}

async fn lived_through(deployment: &Deployment, past: Past) -> Replay {
    let replayed = Arc::new(Replayed::new(past));
    engage(deployment, replayed.clone()).await;
    replayed.told()
}

/// Runs over these effects, with nobody who hears of it or stops it.
async fn engage(deployment: &Deployment, effects: Arc<dyn Effects>) {
    let (events, _unheard) = mpsc::unbounded_channel();
    let stop = Stop::new();
    run_deployment(deployment, effects, events, stop).await;
}

fn count(past: &Past) -> Result<Count, CommandError> {
    let digest = past
        .digest()
        .map_err(|error| CommandError::new(Kind::Bug, error))?;
    let turns: Vec<_> = past.current().map(|(_, turn)| turn).collect();
    let effects = turns.iter().flat_map(|turn| turn.effects.values());
    let machines: std::collections::BTreeSet<_> =
        effects.clone().map(|effect| &effect.machine).collect();
    Ok(Count {
        turns: turns.len(),
        effects: effects.count(),
        machines: machines.len(),
        digest,
    })
}
