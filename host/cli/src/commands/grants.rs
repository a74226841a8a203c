//! `cellhost grants`: what the modules of a plan can do at most, and on which machines.

use std::fmt::Write as _;
use std::process::ExitCode;

use cellhost_engine::Placed;
use cellhost_plan::{Asks, Grants, Rules};
use serde_json::{Value, json};

use super::module::inspect::asked;
use crate::error::CommandError;
use crate::report::{Format, clean};
use crate::session::{PlanArgs, Session};
use crate::terminal::Terminal;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    plan: PlanArgs,

    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(crate) async fn run(mut args: Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    args.plan = args.plan.settled()?;
    let session = Session::open_ungranted(&args.plan, terminal).await?;
    let placed = &session.deployment.modules;
    let given = |placed: &Placed| Given::of(&session, placed);
    match args.format {
        Format::Text => {
            let text = placed.iter().map(|placed| text(placed, given(placed)));
            let text = rules(&session.deployment.plan.rules) + &text.collect::<String>();
            // Modules name themselves what they like.
            let lines = text.lines().map(|line| format!("{}\n", clean(line)));
            terminal.data(lines.collect::<String>());
        }
        Format::Json => {
            let all = placed.iter().map(|placed| {
                (
                    placed.usage.name.to_string(),
                    object(placed, &given(placed)),
                )
            });
            let all: serde_json::Map<String, Value> = all.collect();
            let rules = &session.deployment.plan.rules;
            let rules = json!({
                "untouched": rules.untouched,
                "hours": rules.hours.map(|hours| hours.to_string()),
                "machines": rules.machines,
            });
            let all = json!({ "modules": all, "rules": rules });
            terminal.data(format!("{all:#}\n"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What holds for all modules.
fn rules(rules: &Rules) -> String {
    let mut lines = Vec::new();
    if !rules.untouched.is_empty() {
        let paths: Vec<String> = rules.untouched.iter().map(ToString::to_string).collect();
        lines.push(format!("no module may write {}", paths.join(", ")));
    }
    if let Some(hours) = rules.hours {
        lines.push(format!("machines are changed in {hours} only"));
    }
    if let Some(most) = rules.machines {
        lines.push(format!("a run goes to {most} machines at most"));
    }
    let lines = lines.iter().map(|line| format!("{line}\n"));
    let text: String = lines.collect();
    if text.is_empty() { text } else { text + "\n" }
}

/// What a module is given of what it asks for.
enum Given {
    /// Nothing: the plan has to say it.
    Nothing,
    /// All of it, by the plan or since it is no stranger's.
    All,
    /// What is in this too.
    Only(Asks),
}

impl Given {
    fn of(session: &Session, placed: &Placed) -> Self {
        match &placed.usage.grants {
            Some(Grants::Only(asks)) => Self::Only(asks.clone()),
            None if session.strangers.contains(&placed.usage.name) => Self::Nothing,
            Some(Grants::Asked) | None => Self::All,
        }
    }
}

fn text(placed: &Placed, given: Given) -> String {
    let mut text = String::new();
    let version = &placed.module.embedded().manifest.version;
    let (name, module) = (&placed.usage.name, &placed.usage.module);
    // Writing to a string does not fail.
    let _ = writeln!(text, "{name}: {module} {version}");
    let _ = writeln!(text, "  on {}", machines(placed).join(", "));
    let secrets: Vec<String> = secrets(placed);
    if !secrets.is_empty() {
        let _ = writeln!(text, "  with the secrets {}", secrets.join(", "));
    }
    for ask in &placed.module.embedded().manifest.asks {
        let _ = writeln!(text, "  {}", ask.why);
        asked(&mut text, ask);
    }
    match given {
        Given::All => (),
        Given::Nothing => {
            text.push_str("  of this, the plan grants nothing yet: say `grants = \"asked\"`, or what it may do\n");
        }
        Given::Only(grants) => {
            text.push_str("  of this, the plan grants only\n");
            for grant in &grants {
                asked(&mut text, grant);
            }
        }
    }
    text.push('\n');
    text
}

fn object(placed: &Placed, given: &Given) -> Value {
    let manifest = &placed.module.embedded().manifest;
    json!({
        "module": placed.usage.module.to_string(),
        "version": manifest.version,
        "sha256": placed.module.digest(),
        "machines": machines(placed),
        "secrets": secrets(placed),
        "asks": manifest.asks,
        "grants": match given {
            Given::Nothing => json!([]),
            Given::All => json!("asked"),
            Given::Only(grants) => json!(grants),
        },
    })
}

/// The machines that it may do it on, those among them that it is to leave.
fn machines(placed: &Placed) -> Vec<String> {
    let all = placed.members.iter().chain(&placed.leaving);
    all.map(|member| member.name.to_string()).collect()
}

fn secrets(placed: &Placed) -> Vec<String> {
    let all = placed.usage.secrets.iter();
    all.map(ToString::to_string).collect()
}
