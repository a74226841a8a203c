//! `cellhost drift`: what differs from the plan.

use std::process::ExitCode;

use cellhost_effects::{AgreedChange, Certainty, Word};
use cellhost_engine::{Summary, run as run_deployment};
use serde_json::json;

use crate::error::CommandError;
use crate::reach::{Reach, ReachArgs};
use crate::report::{self, Format};
use crate::session::{PlanArgs, Session};
use crate::terminal::Terminal;

/// The exit code that tells a script that something differs.
const DRIFT: u8 = 4;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    plan: PlanArgs,

    #[command(flatten)]
    reach: ReachArgs,
}

/// One thing that is not as planned.
struct Difference {
    machine: String,
    module: String,
    subject: String,
    lines: Vec<String>,
    certainty: Certainty,
}

pub(crate) async fn run(mut args: Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    args.plan = args.plan.settled()?;
    let session = Session::open(&args.plan, terminal).await?;
    let reach = Reach::open(&session.deployment, &args.reach, true)?.in_silence();
    let (effects, notes) = reach.noting(None);
    let deployment = &session.deployment;
    let summary = reach
        .follow(terminal, |events, stop| {
            run_deployment(deployment, effects, events, stop)
        })
        .await?;
    let found = differences(notes.agreement());
    match args.reach.format {
        Format::Text => terminal.data(text(&found)),
        Format::Json => terminal.data(format!("{}\n", object(&found, &summary))),
    }
    for row in summary.rows.iter().filter(|row| !row.status.is_good()) {
        let place = report::place_of(row.hook, row.machine.as_ref());
        let reason = row.status.reason().unwrap_or_default();
        let reason = report::clean(reason);
        terminal.note(format!(
            "{} {place}: {}: {reason}",
            row.module,
            row.status.word()
        ));
    }
    report::ended(&summary)?;
    if found.is_empty() {
        Ok(ExitCode::SUCCESS)
    } else {
        Ok(ExitCode::from(DRIFT))
    }
}

fn differences(agreement: cellhost_effects::Agreement) -> Vec<Difference> {
    let mut found = Vec::new();
    for effect in agreement.effects {
        let about = |subject: String, lines: Vec<String>, certainty| Difference {
            machine: effect.machine.to_string(),
            module: effect.name.turn.module.to_string(),
            subject,
            lines,
            certainty,
        };
        match effect.change {
            AgreedChange::Settles(wishes) => {
                let differing = wishes.into_iter().filter(|wish| !wish.lines.is_empty());
                found.extend(differing.map(|wish| about(wish.subject, wish.lines, wish.certainty)));
            }
            AgreedChange::Runs(command) => {
                let words = command.argv.iter().map(|word| match word {
                    Word::Known(word) | Word::Open { like: word } => word.as_str(),
                });
                let subject = words.collect::<Vec<_>>().join(" ");
                found.push(about(
                    subject,
                    vec!["would run".to_owned()],
                    command.certainty,
                ));
            }
        }
    }
    found.sort_by(|one, other| (&one.machine, &one.module).cmp(&(&other.machine, &other.module)));
    found
}

fn text(found: &[Difference]) -> String {
    let line = |it: &Difference| {
        let mark = match it.certainty {
            Certainty::Exact => "",
            Certainty::Assumed => "  (assumed)",
            Certainty::Unknown => "  (unknown)",
        };
        let (subject, lines) = (&it.subject, it.lines.join(", "));
        let words = report::clean(&format!("{subject}: {lines}"));
        format!("{}  {}  {words}{mark}\n", it.machine, it.module)
    };
    found.iter().map(line).collect()
}

fn object(found: &[Difference], summary: &Summary) -> serde_json::Value {
    let differences: Vec<serde_json::Value> = found
        .iter()
        .map(|it| {
            json!({
                "machine": it.machine,
                "module": it.module,
                "subject": it.subject,
                "lines": it.lines,
                "certainty": it.certainty,
            })
        })
        .collect();
    let failed = summary.rows.iter().filter(|row| !row.status.is_good());
    let failed: Vec<serde_json::Value> = failed
        .map(|row| {
            json!({
                "machine": row.machine,
                "module": row.module,
                "status": row.status.word(),
                "reason": row.status.reason(),
            })
        })
        .collect();
    json!({
        "drift": !found.is_empty(),
        "differences": differences,
        "not-looked-at": failed,
        "seconds": summary.took.as_secs_f64(),
    })
}
