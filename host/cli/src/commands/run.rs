//! `cellhost run`: brings the machines of a plan to where it wants them.

use std::process::ExitCode;

use cellhost_engine::{Summary, run as run_deployment};

use crate::error::CommandError;
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
    let kind = if args.dry_run {
        Kind::DryRun
    } else {
        Kind::Run
    };
    let Begun { journal, path } = record::begin(&session, &reach, kind)?;
    let run = record::name(&path);
    session.held_for(&run);
    reach.serve(&run, &journal);
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
    let ended = report::ended(&summary);
    if args.dry_run {
        return ended;
    }
    ended.map_err(|error| error.hint("`cellhost resume` goes on where this run stopped"))
}

/// Forgets the machines that modules have let go.
pub(super) fn dismiss(session: &mut Session, summary: &Summary) -> Result<(), CommandError> {
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
