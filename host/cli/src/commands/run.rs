//! `cellhost run`: brings the machines of a plan to where it wants them.

use std::process::ExitCode;

use anyhow::anyhow;
use cellhost_engine::{Summary, run as run_deployment};

use crate::error::{CommandError, Kind as Fault};
use crate::kept::Kept;
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

    /// Ask nothing: what a kept plan does not have is refused
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(mut args: Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    args.plan = args.plan.settled()?;
    let kept = Kept::recognize(&args.plan.plan)?;
    let plan = match &kept {
        Some(_) if args.dry_run => {
            let error = anyhow!("a kept plan is a dry run already");
            return Err(CommandError::new(Fault::Usage, error));
        }
        Some(kept) => kept.arguments(&args.plan),
        None => args.plan,
    };
    let mut session = if args.dry_run {
        Session::open(&plan, terminal).await?
    } else {
        Session::open_alone(&plan, "run", terminal).await?
    };
    if let Some(kept) = &kept {
        kept.check(&session)?;
    }
    let reach = Reach::open(&session.deployment, &args.reach, args.dry_run)?;
    if !args.dry_run {
        session.lock.save().await?;
    }
    let kind = match &kept {
        Some(_) => Kind::Agreed,
        None if args.dry_run => Kind::DryRun,
        None => Kind::Run,
    };
    let Begun { journal, path } = record::begin(&session, &reach, kind).await?;
    let run = record::name(&path);
    session.held_for(&run).await?;
    reach.serve(&run, &journal);
    reach.heed(session.loss(), terminal);
    let effects = if args.dry_run {
        reach.preview(journal.clone())
    } else if let Some(kept) = kept {
        reach.agreed(journal.clone(), kept.agreement, !args.yes, terminal)
    } else {
        reach.real(journal.clone())
    };
    let deployment = &session.deployment;
    let summary = reach
        .follow(terminal, |events, stop| {
            run_deployment(deployment, effects, events, stop)
        })
        .await?;
    let end = report::object(&summary, args.dry_run);
    let closed = record::append(&journal, "end", &end).await;
    if !args.dry_run && closed.is_ok() {
        dismiss(&mut session, &summary).await?;
    }
    report::summary(terminal, &summary, args.reach.format, args.dry_run);
    terminal.faint(format!("record: {}", path.display()));
    record::closed(closed, &session, &path)?;
    let ended = report::ended(&summary);
    if args.dry_run {
        return ended;
    }
    ended.map_err(|error| {
        error.hint(match kind {
            Kind::Agreed => "run the same file again for what is left of it, or look anew",
            _ => "`cellhost resume` goes on where this run stopped",
        })
    })
}

/// Forgets the machines that modules have let go.
pub(super) async fn dismiss(session: &mut Session, summary: &Summary) -> Result<(), CommandError> {
    for placed in &session.deployment.modules {
        let name = &placed.usage.name;
        if summary.is_good_for(name) {
            let left: Vec<_> = placed
                .leaving
                .iter()
                .map(|member| member.name.clone())
                .collect();
            session.lock.roster.dismiss(name, &left);
            session.lock.roster.settle(name);
        }
    }
    session.lock.save().await
}
