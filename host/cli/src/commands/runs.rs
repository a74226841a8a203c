//! `cellhost runs`: the runs so far.

mod show;
mod words;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use cellhost_plan::CellName;
use clap::Subcommand;
use serde_json::{Value, json};

use super::resume::moment;
use crate::afar;
use crate::error::{CommandError, Kind};
use crate::record::{Entry, Shelf};
use crate::report::Format;
use crate::terminal::Terminal;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    /// Only those of this cell
    #[arg(long, value_name = "CELL")]
    cell: Option<String>,

    /// The plan whose store is looked into beside this computer; `plan.toml`, where one is here,
    /// unless given
    #[arg(long, value_name = "PLAN")]
    plan: Option<PathBuf>,

    /// How to write them
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what a run asked of each machine, and what came of it
    Show(show::Args),
}

pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    if let Some(Command::Show(args)) = args.command {
        return show::run(&args, terminal).await;
    }
    let cell = args.cell.as_deref().map(CellName::new).transpose();
    let cell = cell.map_err(|problem| CommandError::new(Kind::Usage, problem))?;
    afar::refresh(args.plan.as_deref(), terminal).await?;
    let (mut entries, unreadable) = Shelf::open()?.entries()?;
    entries.retain(|entry| cell.as_ref().is_none_or(|cell| entry.opening.cell == *cell));
    for line in unreadable {
        terminal.note(format!("not readable: {line}"));
    }
    match args.format {
        Format::Text if entries.is_empty() => terminal.note("there are no runs yet"),
        Format::Text => terminal.data(table(&entries)),
        Format::Json => {
            let all: Vec<Value> = entries.iter().map(object).collect();
            terminal.data(format!("{}\n", Value::from(all)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn table(entries: &[Entry]) -> String {
    let longest = entries
        .iter()
        .map(|entry| entry.opening.cell.as_str().len());
    let cell = longest.max().unwrap_or(0).max(4);
    let kinds = entries.iter().map(|entry| entry.opening.kind.word().len());
    let kind = kinds.max().unwrap_or(0).max(4);
    let mut text = format!(
        "{:<10}  {:<23}  {:<cell$}  {:<kind$}  {:<11}  CHANGES\n",
        "RUN", "BEGAN", "CELL", "KIND", "ENDED"
    );
    for entry in entries {
        let changes = entry
            .changes
            .map_or_else(|| "-".to_owned(), |n| n.to_string());
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{:<10}  {:<23}  {:<cell$}  {:<kind$}  {:<11}  {changes:>7}",
            entry.short(),
            moment(&entry.began),
            entry.opening.cell,
            entry.opening.kind.word(),
            entry.ended.word(),
        );
    }
    text
}

/// A run, for programs.
fn object(entry: &Entry) -> Value {
    json!({
        "id": entry.id,
        "cell": entry.opening.cell,
        "kind": entry.opening.kind,
        "began": entry.began,
        "ended": entry.ended.word(),
        "changes": entry.changes,
        "plan": entry.opening.plan.path,
        "record": entry.path,
    })
}
