//! `cellhost resume`: goes on with a run that failed, was interrupted or died.

mod arbiter;
mod sameness;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use cellhost_effects::record::{EffectName, Journal, Past};
use cellhost_engine::run as run_deployment;
use serde_json::json;

use super::run::dismiss;
use crate::afar;
use crate::error::{CommandError, Kind as Fault};
use crate::modules::Sources;
use crate::reach::{Reach, ReachArgs};
use crate::record::{self, Ended, Entry, Kind, Opening, Shelf, kept_apart};
use crate::report;
use crate::session::{PlanArgs, Session, load};
use crate::terminal::Terminal;

use arbiter::Person;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The run, by its name or the beginning of it; the last one of the plan's cell unless given
    #[arg(value_name = "RUN")]
    run: Option<String>,

    /// The plan, where it is not where the run had it
    #[arg(long, value_name = "PLAN")]
    plan: Option<PathBuf>,

    /// A directory of modules, in the place of those that the run was given; may be repeated
    #[arg(long, value_name = "DIR")]
    modules: Vec<PathBuf>,

    /// Take it that this command, of which nobody knows whether it ran, did; may be repeated
    #[arg(long, value_name = "EFFECT")]
    assume_done: Vec<EffectName>,

    /// Run this command once more, of which nobody knows whether it ran; may be repeated
    #[arg(long, value_name = "EFFECT")]
    do_again: Vec<EffectName>,

    /// Take it that secrets are what they were, where another computer began the run and they
    /// cannot be compared
    #[arg(long)]
    same_secrets: bool,

    #[command(flatten)]
    reach: ReachArgs,
}

pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let store = afar::refresh(args.plan.as_deref(), terminal).await?;
    let entry = chosen(&args, terminal)?;
    let opening = &entry.opening;
    if let Some(store) = &store {
        record::bring_modules(store, opening).await?;
    }
    // Where another computer began the run, its directories are not here.
    let apart = (args.modules.is_empty() && !opening.shelves.iter().all(|path| path.is_dir()))
        .then(|| kept_apart(opening))
        .transpose()?;
    let plan = PlanArgs {
        plan: plan_of(&args, opening),
        sources: Sources::of(match &apart {
            Some(apart) => vec![apart.path().to_owned()],
            None if args.modules.is_empty() => opening.shelves.clone(),
            None => args.modules.clone(),
        }),
    };
    let mut session = Session::open_as(&plan, "resume", &opening.roster, terminal).await?;
    let lines = unchanged(&entry, &session, terminal).await?;
    still_last(&entry)?;
    let reach = Reach::open(&session.deployment, &args.reach, false)?;
    sameness::check(&entry, &session, &reach, args.same_secrets)?;
    let (journal, past) = taken_up(&entry, &session, lines)?;
    let journal = Arc::new(journal);
    session.held_for(&entry.id).await?;
    reach.serve(&entry.id, &journal);
    reach.heed(session.loss(), terminal);
    let began = json!({"cellhost": env!("CARGO_PKG_VERSION")});
    record::append(&journal, "resume", &began).await?;
    terminal.note(format!(
        "going on with run {} of {}, which {}",
        entry.short(),
        moment(&entry.began),
        match entry.ended {
            Ended::Not => "was cut off",
            Ended::Interrupted => "was interrupted",
            _ => "failed",
        },
    ));
    let person = Arc::new(Person::new(
        args.assume_done,
        args.do_again,
        terminal,
        reach.stop(),
    ));
    let effects = reach.resumed(journal.clone(), past, person.clone());
    let deployment = &session.deployment;
    let summary = reach
        .follow(terminal, |events, stop| {
            run_deployment(deployment, effects, events, stop)
        })
        .await?;
    let closed = record::append(&journal, "end", &report::object(&summary, false)).await;
    if closed.is_ok() {
        dismiss(&mut session, &summary).await?;
    }
    report::summary(terminal, &summary, args.reach.format, false);
    terminal.faint(format!("record: {}", entry.path.display()));
    record::closed(closed, &session, &entry.path)?;
    let open = person.open();
    report::ended(&summary).map_err(|error| {
        if open.is_empty() {
            return error.hint("`cellhost resume` goes on where this run stopped");
        }
        open.iter().fold(error, |error, effect| {
            error.hint(format!(
                "look whether it ran, and say so: `cellhost resume {run} --assume-done {effect}`, \
                 or `cellhost resume {run} --do-again {effect}`",
                run = entry.short(),
            ))
        })
    })
}

/// Where the plan is: where it is said, where the run had it, or here.
fn plan_of(args: &Args, opening: &Opening) -> PathBuf {
    let known = &opening.plan.path;
    let known = if known.is_file() {
        known.clone()
    } else {
        "plan.toml".into()
    };
    args.plan.clone().unwrap_or(known)
}

/// Refuses to go on with a run that somebody else went on with before this got the lock. Gives how
/// many of its lines are in the cell's store, where it has one.
async fn unchanged(
    entry: &Entry,
    session: &Session,
    terminal: &Terminal,
) -> Result<Option<u64>, CommandError> {
    let Some(far) = session.far() else {
        return Ok(None);
    };
    let before = fs_err::read(&entry.path).ok();
    let cell = &session.deployment.plan.cell;
    let brought = afar::bring(&far.store, cell, terminal).await?;
    let last = Shelf::open()?.last_real_run(cell)?;
    if last.is_some_and(|last| last.id == entry.id) && fs_err::read(&entry.path).ok() == before {
        return Ok(brought.lines.get(&entry.id).copied());
    }
    let error = anyhow!("another computer was at work on cell `{cell}` just now");
    Err(CommandError::new(Fault::Failed, error).hint("`cellhost runs` shows what came of it"))
}

/// Refuses what no run goes on from.
fn resumable(entry: &Entry) -> Result<(), CommandError> {
    let hint = match entry.opening.kind {
        Kind::Run => return Ok(()),
        Kind::DryRun => "it changed nothing that one could go on with",
        Kind::Agreed => "run the kept plan again: what came about is not repeated",
        Kind::Removal => "remove again: what is gone is not removed twice",
    };
    let kind = entry.opening.kind.word();
    let error = anyhow!("run {} was a {kind}", entry.short());
    Err(CommandError::new(Fault::Usage, error).hint(hint))
}

/// The run that is gone on with: the one named, else the last one of the plan's cell. Whatever
/// came after a run has changed what it saw, so only the last one can be gone on with.
fn chosen(args: &Args, terminal: &Terminal) -> Result<Entry, CommandError> {
    let usage = |words: String| CommandError::new(Fault::Usage, anyhow!(words));
    let shelf = Shelf::open()?;
    let named = args.run.as_deref().map(|run| shelf.find(run)).transpose()?;
    let cell = if let Some(entry) = &named {
        resumable(entry)?;
        entry.opening.cell.clone()
    } else {
        let path = args.plan.clone().unwrap_or_else(|| "plan.toml".into());
        load(&path, terminal)?.cell
    };
    let Some(last) = shelf.last_real_run(&cell)? else {
        return Err(usage(format!("cell `{cell}` had no run from here yet"))
            .hint("`cellhost run` begins one"));
    };
    if let Some(entry) = named.filter(|entry| entry.id != last.id) {
        return Err(usage(format!(
            "run {} came after run {}",
            last.short(),
            entry.short()
        ))
        .hint("only the last run of a cell can be gone on with: what is on record of others no longer holds"));
    }
    resumable(&last)?;
    if last.ended == Ended::Well {
        return Err(usage(format!(
            "run {} of {} finished, so there is nothing to go on with",
            last.short(),
            moment(&last.began)
        ))
        .hint("`cellhost run` looks whether everything still is as planned"));
    }
    Ok(last)
}

/// Refuses where somebody else went on, or began anew, before this one had the cell's lock.
fn still_last(entry: &Entry) -> Result<(), CommandError> {
    let last = Shelf::open()?.last_real_run(&entry.opening.cell)?;
    if last.is_some_and(|last| last.id == entry.id && last.ended == entry.ended) {
        return Ok(());
    }
    let error = anyhow!(
        "somebody else was at work on cell `{}` just now",
        entry.opening.cell
    );
    Err(CommandError::new(Fault::Usage, error).hint("`cellhost runs` tells what became of it"))
}

/// The journal after what is on record, and what that is.
fn taken_up(
    entry: &Entry,
    session: &Session,
    lines: Option<u64>,
) -> Result<(Journal, Past), CommandError> {
    let taken = || -> anyhow::Result<(Journal, Past)> {
        let (journal, record) = record::resume(session, &entry.path, lines)?;
        let past = Past::of(&record)?;
        Ok((journal, past))
    };
    taken()
        .with_context(|| format!("cannot go on with `{}`", entry.path.display()))
        .map_err(|error| {
            CommandError::new(Fault::Failed, error)
                .hint("`cellhost run` looks at every machine anew and needs no record")
        })
}

/// A moment as people read it.
pub(super) fn moment(at: &str) -> String {
    let short = at.get(..19).unwrap_or(at);
    format!("{} UTC", short.replace('T', " "))
}
