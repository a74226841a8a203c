//! `cellhost update`: newer versions of modules, with what they would do more.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use cellhost_plan::{InstanceName, ModuleUse, Plan};
use cellhost_registry::{Pin, Registry, Resolved};

use crate::cell_lock::CellLock;
use crate::consent;
use crate::error::CommandError;
use crate::lock::Lock;
use crate::modules;
use crate::report::clean;
use crate::session::{PlanArgs, load};
use crate::terminal::Terminal;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    plan: PlanArgs,

    /// Only these, by their names in the plan or their own; may be repeated
    #[arg(long = "module", value_name = "MODULE")]
    only: Vec<String>,

    /// Let modules ask for more than they did: what that is was looked at
    #[arg(long)]
    accept: bool,

    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let plan = load(&args.plan.plan, terminal)?;
    let _alone = CellLock::take(&plan, "update").await?;
    let mut lock = Lock::load(&args.plan.plan, &plan.cell, None).await?;
    let chosen = chosen(&plan, &args.only)?;
    let registry = args.plan.sources.registry(&plan, terminal)?;
    let before = lock.pins.clone();
    let staying = |pin: &Pin| !chosen.iter().any(|usage| modules::is_of(pin, usage));
    let kept: Vec<Pin> = before.iter().filter(|pin| staying(pin)).cloned().collect();
    let found = modules::resolve(&plan, &registry, &kept, terminal).await?;
    let told = told(&plan, &registry, &before, &found, terminal).await?;
    lock.pins = modules::pins(&plan, &found)?;
    if args.plan.sources.locked {
        modules::unchanged(&before, &lock.pins)?;
    }
    let changes = lock.pins != before;
    terminal.data(told);
    if !args.dry_run && !args.accept {
        consent::accepted(&before, &lock.pins)?;
    }
    if changes && !args.dry_run {
        lock.save_pins()?;
    }
    terminal.note(match (changes, args.dry_run) {
        (false, _) => "all modules are as cellhost.lock says",
        (true, true) => "nothing was written",
        (true, false) => {
            "cellhost.lock is written; `cellhost plan` says what it means for machines"
        }
    });
    Ok(ExitCode::SUCCESS)
}

/// The uses of modules that were named; all where none was.
fn chosen<'a>(plan: &'a Plan, only: &[String]) -> Result<Vec<&'a ModuleUse>, CommandError> {
    if only.is_empty() {
        return Ok(plan.modules.iter().collect());
    }
    let named = only.iter().map(|name| modules::called(plan, name));
    Ok(named.collect::<Result<Vec<_>, _>>()?.concat())
}

/// Says what becomes of each module that comes from a registry.
async fn told(
    plan: &Plan,
    registry: &Registry,
    before: &[Pin],
    found: &BTreeMap<InstanceName, Resolved>,
    terminal: &Terminal,
) -> Result<String, CommandError> {
    let mut lines = Vec::new();
    let mut said: BTreeSet<(String, String)> = BTreeSet::new();
    for usage in plan.modules.iter().filter(|usage| usage.exact.is_none()) {
        let Some(now) = found.get(&usage.name).filter(|now| now.pin.is_some()) else {
            continue;
        };
        let (module, requirement) = (usage.module.to_string(), usage.requirement.to_string());
        if !said.insert((module.clone(), requirement.clone())) {
            continue;
        }
        let head = format!("{module} {requirement}");
        let Some(pin) = modules::pin_of(before, usage) else {
            lines.push(format!("{head}: {} from {}", now.version, now.origin));
            lines.extend(
                modules::powers_of(now)?
                    .iter()
                    .map(|power| format!("  + {power}")),
            );
            continue;
        };
        if modules::pin(now)?.as_ref() == Some(pin) {
            lines.push(format!("{head}: {} as before", now.version));
            continue;
        }
        lines.push(format!(
            "{head}: {} in the place of {}, from {}",
            now.version, pin.version, now.origin
        ));
        let then = registry.resolve(&usage.module, &usage.requirement, Some(pin));
        let then = match then.await {
            Ok(then) => modules::powers_of(&then)?,
            Err(error) => {
                terminal.note(format!(
                    "{head}: what it was cannot be looked at: {}",
                    clean(&error.to_string())
                ));
                BTreeSet::new()
            }
        };
        let now = modules::powers_of(now)?;
        lines.extend(now.difference(&then).map(|power| format!("  + {power}")));
        lines.extend(then.difference(&now).map(|power| format!("  - {power}")));
    }
    lines.push(String::new());
    // Modules name themselves what they like.
    let lines: Vec<String> = lines.iter().map(|line| clean(line)).collect();
    Ok(lines.join("\n"))
}
