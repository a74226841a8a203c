//! `cellhost plan`: a dry run that can be kept.

use std::path::PathBuf;
use std::process::ExitCode;

use cellhost_effects::Agreement;
use cellhost_engine::run as run_deployment;

use super::counted;
use crate::error::CommandError;
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

    /// Keep what would change: `cellhost run FILE` does that and nothing else
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) async fn run(mut args: Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    args.plan = args.plan.settled()?;
    let session = Session::open(&args.plan, terminal).await?;
    let reach = Reach::open(&session.deployment, &args.reach, true)?;
    let Begun { journal, path } = record::begin(&session, &reach, Kind::DryRun).await?;
    reach.serve(&record::name(&path), &journal);
    let (effects, notes) = reach.noting(Some(journal.clone()));
    let deployment = &session.deployment;
    let summary = reach
        .follow(terminal, |events, stop| {
            run_deployment(deployment, effects, events, stop)
        })
        .await?;
    record::append(&journal, "end", &report::object(&summary, true)).await?;
    report::summary(terminal, &summary, args.reach.format, true);
    terminal.faint(format!("record: {}", path.display()));
    let ended = report::ended(&summary);
    if let Some(file) = &args.out {
        // Half of what would change is nothing that one could agree to.
        let code = ended.map_err(|error| error.hint("nothing was kept"))?;
        let agreement = notes.agreement();
        let words = told(&agreement);
        Kept::of(&args.plan, &session, agreement)?.write(file)?;
        terminal.note(format!("kept in {}: {words}", file.display()));
        return Ok(code);
    }
    ended
}

/// What is kept, in words.
fn told(agreement: &Agreement) -> String {
    let (changes, open) = agreement.counts();
    let changes = counted(changes, "change");
    if open == 0 {
        return changes;
    }
    let open = counted(open, "thing");
    format!("{changes}, and {open} that may change behind packages and commands")
}
