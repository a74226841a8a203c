//! `cellhost run`: brings the machines of a plan to where it wants them.

use std::process::ExitCode;
use std::sync::Arc;

use cellhost_engine::{Summary, run as run_deployment};
use serde_json::json;

use crate::error::CommandError;
use crate::reach::{Reach, ReachArgs};
use crate::record;
use crate::report;
use crate::session::{PlanArgs, Session};
use crate::terminal::Terminal;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    plan: PlanArgs,

    #[command(flatten)]
    reach: ReachArgs,

    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let mut session = if args.dry_run {
        Session::open(&args.plan, terminal).await?
    } else {
        Session::open_alone(&args.plan, "run", terminal).await?
    };
    let reach = Reach::open(&session.deployment, &args.reach, args.dry_run)?;
    if !args.dry_run {
        session.lock.save()?;
    }
    let (journal, path) = record::begin(&session.deployment.plan)?;
    let journal = Arc::new(journal);
    let run = record::name(&path);
    session.held_for(&run);
    reach.serve(&run, &journal);
    record::append(&journal, "run", &opening(&session, args.dry_run))?;
    let effects = if args.dry_run {
        reach.preview(journal.clone())
    } else {
        reach.real(journal.clone())
    };
    let deployment = &session.deployment;
    let summary = reach
        .follow(terminal, |events, stop| {
            run_deployment(deployment, effects, events, stop)
        })
        .await?;
    record::append(&journal, "end", &report::object(&summary, args.dry_run))?;
    if !args.dry_run {
        dismiss(&mut session, &summary)?;
    }
    report::summary(terminal, &summary, args.reach.format, args.dry_run);
    terminal.faint(format!("record: {}", path.display()));
    report::ended(&summary)
}

/// Forgets the machines that modules have let go.
fn dismiss(session: &mut Session, summary: &Summary) -> Result<(), CommandError> {
    for placed in &session.deployment.modules {
        let name = &placed.usage.name;
        if summary.is_good_for(name) {
            let left: Vec<_> = placed
                .leaving
                .iter()
                .map(|member| member.name.clone())
                .collect();
            session.lock.roster.dismiss(name, &left);
        }
    }
    session.lock.save()
}

/// What a run begins with, for its record.
fn opening(session: &Session, dry_run: bool) -> serde_json::Value {
    let modules: Vec<serde_json::Value> = session
        .deployment
        .modules
        .iter()
        .map(|placed| {
            json!({
                "name": placed.usage.name,
                "module": placed.usage.module.to_string(),
                "version": placed.module.embedded().manifest.version,
                "sha256": placed.module.digest(),
                "machines": placed.members.iter().map(|member| &member.name).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "format": cellhost_effects::record::FORMAT,
        "cellhost": env!("CARGO_PKG_VERSION"),
        "cell": session.deployment.plan.cell,
        "dry-run": dry_run,
        "modules": modules,
    })
}
