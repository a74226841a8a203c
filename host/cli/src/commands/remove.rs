//! `cellhost remove`: takes modules off their machines.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::anyhow;
use cellhost_engine::{Removal, RemovalError, Summary, remove};
use cellhost_plan::{CellName, InstanceName, MachineName};
use serde_json::json;

use super::counted;
use crate::error::{CommandError, Kind as Fault};
use crate::reach::{Reach, ReachArgs};
use crate::record::{self, Begun, Kind};
use crate::report;
use crate::session::{PlanArgs, Session};
use crate::terminal::Terminal;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    plan: PlanArgs,

    #[command(flatten)]
    reach: ReachArgs,

    /// Remove only this module of the plan; may be repeated
    #[arg(long, value_name = "NAME", value_parser = name)]
    module: Vec<InstanceName>,

    /// Remove the data too, which cannot be taken back
    #[arg(long)]
    purge_data: bool,

    /// The name of the cell, so that nothing is asked
    #[arg(long, value_name = "CELL")]
    yes_remove: Option<String>,

    /// Show what would be removed, and change nothing
    #[arg(long)]
    dry_run: bool,
}

fn name(text: &str) -> Result<InstanceName, String> {
    InstanceName::new(text).map_err(|problem| problem.to_string())
}

pub(crate) async fn run(mut args: Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    args.plan = args.plan.settled()?;
    let mut session = if args.dry_run {
        Session::open(&args.plan, terminal).await?
    } else {
        Session::open_alone(&args.plan, "remove", terminal).await?
    };
    let chosen: BTreeSet<InstanceName> = args.module.iter().cloned().collect();
    let removal = Removal::of(&session.deployment, &chosen, args.purge_data).map_err(understood)?;
    if !args.dry_run {
        confirm(&args, &session, &removal, terminal)?;
    }
    let reach = Reach::open(&session.deployment, &args.reach, args.dry_run)?;
    let kind = if args.dry_run {
        Kind::DryRun
    } else {
        Kind::Removal
    };
    let Begun { journal, path } = record::begin(&session, &reach, kind).await?;
    let names: Vec<&str> = removal.modules().iter().map(InstanceName::as_str).collect();
    let removes = json!({"modules": names, "purge-data": removal.purges()});
    record::append(&journal, "removal", &removes).await?;
    let run = record::name(&path);
    session.held_for(&run).await?;
    reach.serve(&run, &journal);
    reach.heed(session.loss(), terminal);
    let effects = if args.dry_run {
        reach.preview(journal.clone())
    } else {
        reach.real(journal.clone())
    };
    let deployment = &session.deployment;
    let summary = reach
        .follow(terminal, |events, stop| {
            remove(deployment, &removal, effects, events, stop)
        })
        .await?;
    let end = report::object(&summary, args.dry_run);
    let closed = record::append(&journal, "end", &end).await;
    if !args.dry_run && closed.is_ok() {
        forget(&mut session, &removal, &summary).await?;
    }
    report::summary(terminal, &summary, args.reach.format, args.dry_run);
    terminal.faint(format!("record: {}", path.display()));
    record::closed(closed, &session, &path)?;
    report::ended(&summary)
}

fn understood(error: RemovalError) -> CommandError {
    let hint = match &error {
        RemovalError::Needed { by, .. } => Some(format!("remove it too: `--module {by}`")),
        RemovalError::Unknown { .. } => None,
    };
    let error = CommandError::new(Fault::Usage, error);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// Lets nothing begin that nobody has confirmed with the cell's name.
fn confirm(
    args: &Args,
    session: &Session,
    removal: &Removal,
    terminal: &Terminal,
) -> Result<(), CommandError> {
    let cell: &CellName = &session.deployment.plan.cell;
    let typed = if let Some(typed) = &args.yes_remove {
        typed.clone()
    } else {
        let data = if args.purge_data {
            ", data and all"
        } else {
            ""
        };
        let modules = counted(removal.modules().len(), "module");
        let question = format!("{modules} to be removed{data}. Type `{cell}` to go on: ");
        terminal.ask(&question).ok_or_else(|| {
            let error = anyhow!("nobody is there to confirm the removal");
            CommandError::new(Fault::Usage, error).hint(format!("add `--yes-remove {cell}`"))
        })?
    };
    if typed.trim() == cell.as_str() {
        return Ok(());
    }
    let error = anyhow!(
        "the cell is `{cell}` and not `{}`; nothing was touched",
        typed.trim()
    );
    Err(CommandError::new(Fault::Usage, error))
}

/// Forgets the members that are gone for good, whose numbers are not given again. Those of the plan
/// whose data stays are known by their numbers still.
async fn forget(
    session: &mut Session,
    removal: &Removal,
    summary: &Summary,
) -> Result<(), CommandError> {
    let plan = &session.deployment.plan;
    let is_planned = |module: &InstanceName, machine: &MachineName| {
        plan.module(module)
            .is_some_and(|usage| usage.machines.contains(machine))
    };
    let roster = &mut session.lock.roster;
    for row in summary.rows.iter().filter(|row| row.status.is_good()) {
        if let Some(machine) = &row.machine {
            let machines = std::slice::from_ref(machine);
            if is_planned(&row.module, machine) && !removal.purges() {
                roster.withdraw(&row.module, machines);
            } else {
                roster.dismiss(&row.module, machines);
            }
        }
    }
    session.lock.save().await
}
