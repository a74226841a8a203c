//! `cellhost why`: where a module comes from, and what else there would be.

use std::fmt::Write as _;
use std::process::ExitCode;

use cellhost_plan::{ModuleUse, Plan};
use cellhost_registry::{Pin, Registry, Resolved};

use crate::error::CommandError;
use crate::lock::Lock;
use crate::modules;
use crate::report::clean;
use crate::session::{PlanArgs, load};
use crate::terminal::Terminal;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The module, by its name in the plan or its own
    #[arg(value_name = "MODULE")]
    module: String,

    #[command(flatten)]
    plan: PlanArgs,
}

pub(crate) async fn run(mut args: Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    args.plan = args.plan.settled()?;
    let plan = load(&args.plan.plan, terminal)?;
    let lock = Lock::load(&args.plan.plan, &plan.cell, None).await?;
    let registry = args.plan.sources.registry(&plan, terminal)?;
    let meant = modules::called(&plan, &args.module)?;
    let mut text = String::new();
    for usage in meant {
        explain(&mut text, usage, &plan, &lock.pins, &registry).await?;
    }
    terminal.data(text);
    Ok(ExitCode::SUCCESS)
}

async fn explain(
    text: &mut String,
    usage: &ModuleUse,
    plan: &Plan,
    pins: &[Pin],
    registry: &Registry,
) -> Result<(), CommandError> {
    let pin = modules::pin_of(pins, usage);
    let found = modules::find(registry, usage, pin).await;
    let found = found.map_err(modules::failed)?;
    let at = plan.source.position(usage.requirement_span().start);
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "{}: {} {}, asked for at {}:{}",
        usage.name,
        usage.module,
        usage.requirement,
        plan.source.name(),
        at.line
    );
    let _ = writeln!(text, "  {}", taken(usage, &found, pin));
    let _ = writeln!(
        text,
        "  sha256:{}, {} bytes",
        found.digest,
        found.bytes.len()
    );
    for (origin, versions) in registry.survey(&usage.module).await {
        let words = match versions {
            Ok(versions) if versions.is_empty() => "none".to_owned(),
            Ok(versions) => clean(&versions.join(", ")),
            Err(error) => clean(&error.to_string()),
        };
        let _ = writeln!(text, "  in {origin}: {words}");
    }
    Ok(())
}

fn taken(usage: &ModuleUse, found: &Resolved, pin: Option<&Pin>) -> String {
    let (version, origin) = (&found.version, &found.origin);
    if let Some(exact) = &usage.exact {
        let manifest = &exact.manifest;
        return format!("{version} from {origin}, whose manifest the plan names: {manifest}");
    }
    if pin.is_some() && found.pin.as_ref() == pin {
        return format!("{version} from {origin}, as cellhost.lock says");
    }
    format!("{version} from {origin}, the highest that will do on the first place that has one")
}
