//! `cellhost module inspect`: what a module is, needs and asks for.

use std::collections::BTreeSet;
use std::fmt::{Display, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use cellhost_manifest::{Ask, Embedded, OutputKind, extract};
use cellhost_plan::RollingKeys;
use cellhost_registry::{Builtin, Registry};
use cellhost_runtime::{Import, Runtime};
use serde_json::json;

use crate::error::{CommandError, Kind};
use crate::modules;
use crate::report::Format;
use crate::terminal::Terminal;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A .wasm file, or the name of a module inside this program
    #[arg(value_name = "MODULE")]
    module: String,

    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let failed = |error: anyhow::Error| CommandError::new(Kind::Failed, error);
    let bytes = bytes(&args.module).await?;
    let embedded = extract(&bytes).map_err(|error| failed(error.into()))?;
    let runtime = Runtime::new(None).map_err(|error| failed(error.into()))?;
    let imports = runtime
        .imports(&bytes)
        .map_err(|error| failed(error.into()))?;
    match args.format {
        Format::Text => terminal.data(text(&embedded, &imports, bytes.len())),
        Format::Json => {
            let names: Vec<String> = imports.iter().map(Import::to_string).collect();
            let value = json!({
                "manifest": embedded.manifest,
                "imports": names,
                "schema": embedded.schema,
                "templates": embedded.templates.keys().collect::<Vec<_>>(),
                "bytes": bytes.len(),
            });
            terminal.data(format!("{value:#}\n"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn bytes(module: &str) -> Result<Vec<u8>, CommandError> {
    let path = PathBuf::from(module);
    if path.is_file()
        || path
            .extension()
            .is_some_and(|extension| extension == "wasm")
    {
        return fs_err::read(&path).map_err(|error| CommandError::new(Kind::Usage, error));
    }
    let id = module
        .parse()
        .map_err(|problem: cellhost_plan::Problem| CommandError::new(Kind::Usage, problem))?;
    let registry = Registry::new(vec![Box::new(Builtin)]);
    let found = registry.resolve(&id, &semver::VersionReq::STAR, None).await;
    Ok(found.map_err(modules::failed)?.bytes)
}

fn text(embedded: &Embedded, imports: &[Import], size: usize) -> String {
    let manifest = &embedded.manifest;
    let mut text = String::new();
    let _ = writeln!(text, "{} {}", manifest.id(), manifest.version);
    if !manifest.description.is_empty() {
        let _ = writeln!(text, "{}", manifest.description);
    }
    let _ = writeln!(text, "phase {}, {size} bytes", manifest.phase);
    if let Some(keys) = &manifest.rolling {
        rolling(&mut text, keys);
    }
    list(&mut text, "needs", &manifest.requires);
    list(&mut text, "looks at", &manifest.wants);
    let provides = manifest.provides.iter();
    let provides = provides.map(|(name, kind)| match kind {
        OutputKind::Text => name.clone(),
        kind => format!("{name} ({kind})"),
    });
    list(&mut text, "provides", provides);
    list(&mut text, "listens on", &manifest.listens);
    list(&mut text, "imports", imports);
    list(&mut text, "templates", embedded.templates.keys());
    if let Some(settings) = embedded
        .schema
        .as_ref()
        .and_then(|schema| schema.get("properties"))
    {
        let _ = writeln!(text, "\nsettings:");
        for (name, schema) in settings.as_object().into_iter().flatten() {
            let about = schema
                .get("description")
                .and_then(|about| about.as_str())
                .unwrap_or("");
            let _ = writeln!(text, "  {name}: {}", about.lines().next().unwrap_or(""));
        }
    }
    let _ = writeln!(text, "\nasks at most for:");
    for ask in &manifest.asks {
        let _ = writeln!(text, "  {}", ask.why);
        asked(&mut text, ask);
    }
    if let Some(bundle) = &manifest.bundle {
        let _ = writeln!(text, "\ntells about trouble:");
        list(&mut text, "  paths", &bundle.paths);
        list(&mut text, "  logs of services", &bundle.services);
        let commands = bundle.commands.iter().map(|words| words.join(" "));
        list(&mut text, "  answers of", commands);
    }
    text
}

/// How its changes go through members, in the keys of the manifest.
fn rolling(text: &mut String, keys: &RollingKeys) {
    let keys = json!(keys);
    let keys = keys.as_object().into_iter().flatten();
    let mut keys: Vec<String> = keys
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    if keys.is_empty() {
        keys.push("one member at a time".to_owned());
    }
    list(text, "rolls", keys);
}

/// Writes what is asked for, one sort of thing a line.
pub(crate) fn asked(text: &mut String, ask: &Ask) {
    for (what, items) in wishes(ask) {
        if !items.is_empty() {
            let _ = writeln!(text, "    {what} {}", items.join(", "));
        }
    }
}

/// What is asked for, each with what would be done with it.
fn wishes(ask: &Ask) -> [(&'static str, Vec<String>); 16] {
    let others = ask.r#become.then(|| "any other user".to_owned());
    [
        ("writes", words(&ask.paths)),
        ("reads", words(&ask.reads)),
        ("runs", words(&ask.commands)),
        ("packages", words(&ask.packages)),
        ("services", words(&ask.services)),
        ("users", words(&ask.users)),
        ("groups", words(&ask.groups)),
        ("fetches", words(&ask.urls)),
        ("cron jobs", words(&ask.cron)),
        ("kernel keys", words(&ask.sysctl)),
        ("kernel modules", words(&ask.kernel_modules)),
        ("mounts at", words(&ask.mounts)),
        ("containers", words(&ask.containers)),
        ("images", words(&ask.images)),
        ("dials", words(&ask.dial)),
        ("becomes", others.into_iter().collect()),
    ]
}

/// All that a module can do at most, one thing a line.
pub(crate) fn powers(embedded: &Embedded, imports: &[String]) -> BTreeSet<String> {
    let imports = imports.iter().map(|import| format!("imports {import}"));
    let asks = embedded.manifest.asks.iter().flat_map(wishes);
    let asks = asks.flat_map(|(what, items)| {
        let lines = items.into_iter().map(move |item| format!("{what} {item}"));
        lines.collect::<Vec<_>>()
    });
    imports.chain(asks).collect()
}

fn words<T: Display>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn list<T: Display>(text: &mut String, title: &str, items: impl IntoIterator<Item = T>) {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if !items.is_empty() {
        let _ = writeln!(text, "{title} {}", items.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use cellhost_plan::Share;

    use super::*;

    fn rolled(keys: &RollingKeys) -> String {
        let mut text = String::new();
        rolling(&mut text, keys);
        text
    }

    #[test]
    fn says_how_changes_roll_in_the_keys_of_the_manifest() {
        let mut keys = RollingKeys::default();
        assert_eq!(rolled(&keys), "rolls one member at a time\n");
        keys.at_once = Some(vec![Share::Count(1), Share::Percent(25)]);
        keys.slots = Some(true);
        assert_eq!(rolled(&keys), "rolls at-once = [1,\"25%\"], slots = true\n");
    }
}
