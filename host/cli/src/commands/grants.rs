//! `cellhost grants`: what the modules of a plan can do at most, and on which machines.

use std::fmt::Write as _;
use std::process::ExitCode;

use cellhost_engine::Placed;
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
    let session = Session::open_here(&args.plan, terminal).await?;
    let placed = &session.deployment.modules;
    match args.format {
        Format::Text => {
            let text: String = placed.iter().map(text).collect();
            // Modules name themselves what they like.
            let lines = text.lines().map(|line| format!("{}\n", clean(line)));
            terminal.data(lines.collect::<String>());
        }
        Format::Json => {
            let all = placed
                .iter()
                .map(|placed| (placed.usage.name.to_string(), object(placed)));
            let all: serde_json::Map<String, Value> = all.collect();
            terminal.data(format!("{:#}\n", Value::Object(all)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn text(placed: &Placed) -> String {
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
    text.push('\n');
    text
}

fn object(placed: &Placed) -> Value {
    let manifest = &placed.module.embedded().manifest;
    json!({
        "module": placed.usage.module.to_string(),
        "version": manifest.version,
        "sha256": placed.module.digest(),
        "machines": machines(placed),
        "secrets": secrets(placed),
        "asks": manifest.asks,
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
