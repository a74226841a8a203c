//! Words about turns and runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::anyhow;
use cellhost_effects::{Certainty, Hook, Settlement};
use cellhost_engine::{Evidence, Row, Status, Summary, Tally};
use cellhost_plan::{InstanceName, MachineName};
use serde_json::json;

use crate::error::{CommandError, Kind};
use crate::terminal::Terminal;

/// How a summary is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What is shown of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// The differences of files.
    pub(crate) diff: bool,
    /// Everything that commands write.
    pub(crate) output: bool,
    /// Whether nothing is really done.
    pub(crate) dry_run: bool,
}

/// The first line about a turn.
pub(crate) fn turn(
    hook: Hook,
    machine: Option<&MachineName>,
    status: &Status,
    took: Duration,
) -> String {
    let place = place_of(hook, machine);
    let count = if let Status::Changed(count) = status {
        format!(" {count}")
    } else {
        String::new()
    };
    let mut line = format!(
        "    {place}  {}{count} ({})\n",
        status.word(),
        seconds(took)
    );
    if let Some(reason) = status.reason() {
        for part in reason.lines() {
            let _ = writeln!(line, "      {}", clean(part));
        }
    }
    line
}

/// What one wish changed, or would.
pub(crate) fn settlement(
    text: &mut String,
    on: Option<&MachineName>,
    settlement: &Settlement,
    options: Options,
) {
    let lines: Vec<String> = settlement.lines.iter().map(|line| clean(line)).collect();
    let _ = writeln!(
        text,
        "      {}{}: {}{}",
        place(on),
        clean(&settlement.subject),
        lines.join(", "),
        mark(settlement.certainty, options),
    );
    if let (true, Some(diff)) = (options.diff, &settlement.diff) {
        for line in diff.lines() {
            let _ = writeln!(text, "        {}", clean(line));
        }
    }
}

/// What command ran, or would.
pub(crate) fn command(
    text: &mut String,
    on: Option<&MachineName>,
    argv: &[String],
    status: Option<i32>,
    certainty: Certainty,
    options: Options,
) {
    let words: Vec<String> = argv.iter().map(|word| quoted(word)).collect();
    let ended = match status {
        Some(0) => String::new(),
        Some(status) => format!(" (status {status})"),
        None => " (not sent)".to_owned(),
    };
    let _ = writeln!(
        text,
        "      {}$ {}{ended}{}",
        place(on),
        words.join(" "),
        mark(certainty, options)
    );
}

/// Writes how a run went: a table, or JSON.
pub(crate) fn summary(terminal: &Terminal, summary: &Summary, format: Format, dry_run: bool) {
    match format {
        Format::Text => terminal.data(table(summary, dry_run)),
        Format::Json => terminal.data(format!("{}\n", object(summary, dry_run))),
    }
}

fn table(summary: &Summary, dry_run: bool) -> String {
    let mut rows: Vec<&Row> = summary.rows.iter().collect();
    rows.sort_by(|a, b| (&a.module, a.hook, &a.machine).cmp(&(&b.module, b.hook, &b.machine)));
    let cells: Vec<[String; 4]> = rows.iter().map(|row| cells(row, dry_run)).collect();
    let widths: Vec<usize> = (0..4)
        .map(|column| {
            cells
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in &cells {
        let padded: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        let _ = writeln!(text, "{}", padded.join("  ").trim_end());
    }
    for ((module, warning), places) in warnings(&rows) {
        let _ = writeln!(
            text,
            "warning: {module}: {} ({})",
            clean(warning),
            places.join(", ")
        );
    }
    if let Some(evidence) = summary.barrier.as_ref().filter(|seen| seen.is_held()) {
        let servers = evidence.servers.iter();
        let servers: Vec<String> = servers.map(|seen| clean(&seen.to_string())).collect();
        let assumed = match evidence.certainty {
            Certainty::Exact => "",
            Certainty::Assumed | Certainty::Unknown => " (assumed)",
        };
        let (held, list) = (evidence.held, servers.join(", "));
        let _ = writeln!(text, "barrier: {list}, {held} times in a row{assumed}");
    }
    let _ = writeln!(text, "{}", totals(summary, dry_run));
    text
}

/// What modules want the operator to see, each once, with the places that it is about.
fn warnings<'a>(rows: &[&'a Row]) -> BTreeMap<(&'a InstanceName, &'a str), Vec<String>> {
    let mut found: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for row in rows {
        for warning in &row.warnings {
            let places = found.entry((&row.module, warning.as_str())).or_default();
            places.push(place_of(row.hook, row.machine.as_ref()));
        }
    }
    found
}

/// The place of a turn: its machine, or its hook where it has none.
pub(crate) fn place_of(hook: Hook, machine: Option<&MachineName>) -> String {
    match (hook, machine) {
        (Hook::Remove, Some(machine)) => format!("{machine} (leaving)"),
        (Hook::Gate, Some(machine)) => format!("{machine} (gate)"),
        (_, Some(machine)) => machine.to_string(),
        (Hook::Gate, None) => "barrier".to_owned(),
        (hook, None) => hook.to_string(),
    }
}

fn cells(row: &Row, dry_run: bool) -> [String; 4] {
    let status = match &row.status {
        Status::Changed(count) if dry_run => {
            format!("would change {count}{}", sureness(row.tally))
        }
        Status::Changed(count) => format!("changed {count}"),
        other => other.word().to_owned(),
    };
    [
        row.module.to_string(),
        place_of(row.hook, row.machine.as_ref()),
        status,
        seconds(row.took),
    ]
}

fn totals(summary: &Summary, dry_run: bool) -> String {
    let changes = summary.changes();
    let mut parts = vec![if dry_run {
        format!("{changes} would change{}", sureness(summary.tally()))
    } else {
        format!("{changes} changed")
    }];
    for word in ["failed", "unreachable", "skipped"] {
        let count = summary.count(word);
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    if summary.interrupted {
        parts.push("interrupted".to_owned());
    }
    format!("{} in {}", parts.join(", "), seconds(summary.took))
}

/// How much of what would change is how sure; nothing where nothing would.
fn sureness(tally: Tally) -> String {
    let kinds = [
        (tally.exact, "exact"),
        (tally.assumed, "assumed"),
        (tally.unknown, "unknown"),
    ];
    let kinds = kinds.iter().filter(|(count, _)| *count > 0);
    let words: Vec<String> = kinds
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if words.is_empty() {
        String::new()
    } else {
        format!(" ({})", words.join(", "))
    }
}

fn certainty(tally: Tally) -> serde_json::Value {
    json!({"exact": tally.exact, "assumed": tally.assumed, "unknown": tally.unknown})
}

/// How a run went, for programs.
pub(crate) fn object(summary: &Summary, dry_run: bool) -> serde_json::Value {
    let rows: Vec<serde_json::Value> = summary
        .rows
        .iter()
        .map(|row| {
            json!({
                "module": row.module,
                "hook": row.hook,
                "machine": row.machine,
                "status": row.status.word(),
                "changes": if let Status::Changed(count) = row.status { count } else { 0 },
                "certainty": certainty(row.tally),
                "reason": row.status.reason(),
                "warnings": row.warnings,
                "hints": row.hints,
                "seconds": row.took.as_secs_f64(),
            })
        })
        .collect();
    json!({
        "dry-run": dry_run,
        "interrupted": summary.interrupted,
        "changes": summary.changes(),
        "certainty": certainty(summary.tally()),
        "seconds": summary.took.as_secs_f64(),
        "barrier": summary.barrier.as_ref().map(Evidence::to_json),
        "turns": rows,
    })
}

/// The exit of a command that went to machines.
pub(crate) fn ended(summary: &Summary) -> Result<ExitCode, CommandError> {
    if summary.interrupted {
        return Err(CommandError::new(Kind::Interrupted, anyhow!("interrupted")));
    }
    if summary.is_good() {
        return Ok(ExitCode::SUCCESS);
    }
    if summary.is_before_barrier() {
        let error = anyhow!("the barrier did not hold, so nothing behind it was begun");
        return Err(CommandError::new(Kind::Failed, error)
            .hint("`cellhost zk nodes` shows who serves; docs/barrier.md says what is wanted"));
    }
    let good = summary.rows.iter().any(|row| row.status.is_good());
    let kind = if good {
        Kind::SomeMachines
    } else {
        Kind::Failed
    };
    Err(CommandError::new(
        kind,
        anyhow!("not everything is as planned"),
    ))
}

/// A time as people read it.
pub(crate) fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

/// A text that a machine or a module had a hand in, safe for a terminal: no control characters.
pub(crate) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' => ' ',
            c if is_strange(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// Whether a character could steer a terminal, or make text read as something else: one that turns its
/// direction, or ends a line where nobody sees it.
pub(crate) fn is_strange(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn place(on: Option<&MachineName>) -> String {
    on.map_or_else(String::new, |machine| format!("{machine}: "))
}

/// How sure a dry run is; nothing where there is no doubt.
fn mark(certainty: Certainty, options: Options) -> &'static str {
    match certainty {
        _ if !options.dry_run => "",
        Certainty::Exact => "",
        Certainty::Assumed => "  (assumed)",
        Certainty::Unknown => "  (unknown)",
    }
}

/// A word as one would have to type it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    let word = clean(word);
    if !word.is_empty() && word.chars().all(plain) {
        word
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
