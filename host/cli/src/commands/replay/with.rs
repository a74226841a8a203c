//! `cellhost replay --with`: what another version of a module would have asked.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::anyhow;
use cellhost_effects::layers::{Compared, Comparison, Way};
use cellhost_effects::record::{Past, TurnName};
use cellhost_plan::{InstanceName, MachineName, Plan};
use cellhost_registry::{Registry, Resolved};
use semver::{Version, VersionReq};
use serde_json::{Value, json};

use super::engage;
use crate::commands::counted;
use crate::error::{CommandError, Kind};
use crate::modules;
use crate::record::Opening;
use crate::report::{Format, clean};
use crate::terminal::Terminal;

/// Another version of a module: `redis=1.2.0`.
#[derive(Debug, Clone)]
pub(crate) struct Other {
    name: String,
    version: Version,
}

impl FromStr for Other {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, version) = text
            .split_once('=')
            .ok_or_else(|| "it should read like `redis=1.2.0`".to_owned())?;
        let version = Version::parse(version).map_err(|error| error.to_string())?;
        let name = name.to_owned();
        Ok(Self { name, version })
    }
}

/// Puts other versions in the place of those that a run had.
pub(super) async fn replace(
    plan: &Plan,
    found: &mut BTreeMap<InstanceName, Resolved>,
    others: &[Other],
    registry: &Registry,
) -> Result<(), CommandError> {
    for other in others {
        let mut used = false;
        for usage in &plan.modules {
            if usage.name.as_str() != other.name && usage.module.name() != other.name {
                continue;
            }
            used = true;
            let exact = VersionReq::parse(&format!("={}", other.version))
                .map_err(|error| CommandError::new(Kind::Bug, error))?;
            let resolved = registry
                .resolve(&usage.module, &exact, None)
                .await
                .map_err(modules::failed)?;
            found.insert(usage.name.clone(), resolved);
        }
        if !used {
            let error = anyhow!("the run had no module `{}`", clean(&other.name));
            return Err(CommandError::new(Kind::Usage, error));
        }
    }
    Ok(())
}

/// Lives through the run with the modules that are there now, and tells what they ask otherwise.
pub(super) async fn compare(
    deployment: &cellhost_engine::Deployment,
    past: Past,
    opening: &Opening,
    format: Format,
    terminal: &Terminal,
) -> ExitCode {
    let compared = Arc::new(Compared::new(past));
    engage(deployment, compared.clone()).await;
    let turns = compared.told();
    match format {
        Format::Text => terminal.data(text(&turns, opening, deployment)),
        Format::Json => terminal.data(format!("{}\n", data(&turns))),
    }
    ExitCode::SUCCESS
}

fn text(
    turns: &BTreeMap<TurnName, Comparison>,
    opening: &Opening,
    deployment: &cellhost_engine::Deployment,
) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    for placed in &deployment.modules {
        let name = &placed.usage.name;
        let before = opening.modules.iter().find(|used| used.name == *name);
        let version = &placed.module.embedded().manifest.version;
        match before {
            Some(before) if before.sha256 != placed.module.digest() => {
                let _ = writeln!(text, "{name} {version} in the place of {}", before.version);
            }
            _ => {
                let _ = writeln!(text, "{name} {version} as on record");
            }
        }
    }
    let mut same = 0;
    for (name, turn) in turns {
        same += turn.same;
        if turn.contrasts.is_empty() && turn.stopped.is_none() {
            continue;
        }
        let _ = writeln!(text, "\n{name}: {} the same", counted(turn.same, "effect"));
        for contrast in &turn.contrasts {
            let sign = match contrast.way {
                Way::Anew => '+',
                Way::Otherwise => '~',
                Way::NoLonger => '-',
            };
            let on = if name.machine.as_ref() == Some(&contrast.machine) {
                String::new()
            } else {
                format!("{}: ", contrast.machine)
            };
            let _ = writeln!(text, "  {sign} {on}{}", clean(&contrast.what));
        }
        if let Some(why) = &turn.stopped {
            let _ = writeln!(text, "  stops here: {}", clean(why));
        }
    }
    let count = |way| {
        let all = turns.values().flat_map(|turn| &turn.contrasts);
        all.filter(|contrast| contrast.way == way).count()
    };
    let machines: std::collections::BTreeSet<&MachineName> = turns
        .values()
        .flat_map(|turn| &turn.contrasts)
        .map(|contrast| &contrast.machine)
        .collect();
    let stopped = turns.values().filter(|turn| turn.stopped.is_some()).count();
    let _ = writeln!(
        text,
        "\n{same} the same; {} anew, {} otherwise, {} no longer, on {}; {} ended for want of an answer",
        count(Way::Anew),
        count(Way::Otherwise),
        count(Way::NoLonger),
        counted(machines.len(), "machine"),
        counted(stopped, "turn"),
    );
    text
}

fn data(turns: &BTreeMap<TurnName, Comparison>) -> Value {
    let turns: Vec<Value> = turns
        .iter()
        .map(|(name, turn)| {
            let contrasts: Vec<Value> = turn
                .contrasts
                .iter()
                .map(|contrast| {
                    json!({
                        "machine": contrast.machine,
                        "way": contrast.way,
                        "what": contrast.what,
                    })
                })
                .collect();
            json!({
                "turn": name,
                "same": turn.same,
                "contrasts": contrasts,
                "stopped": turn.stopped,
            })
        })
        .collect();
    json!({ "turns": turns })
}
