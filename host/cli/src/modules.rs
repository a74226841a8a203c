//! Which modules a plan means: where they are looked for, and what `cellhost.lock` says of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use cellhost_manifest::{Interfaces, extract};
use cellhost_plan::{
    Diagnostic, InstanceName, KeyFile, ModulePlace, ModuleUse, Plan, Problem, Registries, at_home,
    did_you_mean,
};
use cellhost_registry::{
    Builtin, Cache, Directory, Listener, Pin, PublicKey, Registry, Remote, ResolveError, Resolved,
    Rule, Scope, Shelf, ShelfError, Trust, TrustedKey,
};
use futures_util::future::join_all;

use crate::commands::powers;
use crate::consent;
use crate::directories;
use crate::error::{CommandError, Kind};
use crate::lock::Lock;
use crate::report::clean;
use crate::session::wrong;
use crate::terminal::Terminal;

/// Where modules are looked for beside the places that the plan names.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Sources {
    /// A directory of modules, looked into before everything else; may be repeated
    #[arg(long, value_name = "DIR")]
    pub(crate) modules: Vec<PathBuf>,

    /// Fail where cellhost.lock does not name the modules yet, or would change
    #[arg(long)]
    pub(crate) locked: bool,

    /// Ask no registry: what is not on this computer is not there
    #[arg(long)]
    pub(crate) offline: bool,
}

impl Sources {
    /// These directories, and what the plan says.
    pub(crate) fn of(modules: Vec<PathBuf>) -> Self {
        Self {
            modules,
            ..Self::default()
        }
    }

    /// The shelves that modules come from, in the order in which they are asked: the directories named,
    /// the places that the plan names for namespaces, this program, and the plan's registry for the
    /// rest. Whoever has a namespace of its own is asked for nothing else, and nobody else for it.
    pub(crate) fn registry(
        &self,
        plan: &Plan,
        terminal: &Terminal,
    ) -> Result<Registry, CommandError> {
        let places = &plan.registries;
        let mut shelves: Vec<Box<dyn Shelf>> = Vec::new();
        for path in &self.modules {
            shelves.push(Box::new(Directory::new(path)));
        }
        let (cache, listener) = (cache(plan)?, listener(terminal));
        let (mirrors, is_offline) = (places.clone(), self.offline);
        let remote = move |place: &ModulePlace, scope| {
            Remote::new(place.clone(), scope, cache.clone())
                .by_way_of(mirrors.asked(place))
                .offline(is_offline)
                .heard_by(listener.clone())
        };
        for (namespace, place) in &places.namespaces {
            let scope = Scope::Namespace(namespace.clone());
            shelves.push(Box::new(remote(place, scope)));
        }
        if !places
            .namespaces
            .contains_key(cellhost_plan::DEFAULT_NAMESPACE)
        {
            shelves.push(Box::new(Builtin));
        }
        if let Some(place) = &places.default {
            let named = places.namespaces.keys().cloned().collect();
            shelves.push(Box::new(remote(place, Scope::AllBut(named))));
        }
        Ok(Registry::new(shelves)
            .trusting(trust(places)?)
            .denying(places.deny.clone())
            .opening(move |place| remote(place, Scope::Exact)))
    }
}

/// Where modules that were fetched are kept: beside the plan, where `cellhost vendor` put them, and in
/// the user's cache.
pub(crate) fn cache(plan: &Plan) -> Result<Cache, CommandError> {
    let cache = Cache::new(directories::cache()?.join("modules"));
    let vendored = vendored(Path::new(plan.source.name()));
    Ok(if vendored.is_dir() {
        cache.with_layout(&vendored)
    } else {
        cache
    })
}

/// Where `cellhost vendor` puts the modules of a plan.
pub(crate) fn vendored(plan: &Path) -> PathBuf {
    plan.with_file_name("vendor")
}

/// Reads the keys that a plan trusts.
fn trust(places: &Registries) -> Result<Trust, CommandError> {
    let mut rules = BTreeMap::new();
    for (namespace, said) in &places.trust {
        let rule = match said {
            cellhost_plan::Trust::Unsigned => Rule::Unsigned,
            cellhost_plan::Trust::Signed { keys, need } => Rule::Signed {
                keys: keys.iter().map(key).collect::<Result<_, _>>()?,
                need: *need,
            },
        };
        rules.insert(namespace.clone(), rule);
    }
    Ok(Trust::new(rules))
}

fn key(file: &KeyFile) -> Result<TrustedKey, CommandError> {
    let path = at_home(&file.path, std::env::var_os("HOME").as_deref());
    let name = file.path.display().to_string();
    let text =
        fs_err::read_to_string(path).map_err(|error| CommandError::new(Kind::Usage, error))?;
    let key = PublicKey::parse(&text)
        .with_context(|| format!("`{name}` cannot be trusted"))
        .map_err(|error| CommandError::new(Kind::Usage, error))?;
    Ok(TrustedKey {
        name,
        key,
        until: file.until.clone(),
    })
}

/// Says what is fetched: it may take a while.
fn listener(terminal: &Terminal) -> Listener {
    let terminal = terminal.clone();
    Arc::new(move |module, size| {
        terminal.note(format!("fetching {module}, {} KiB", size.div_ceil(1024)));
    })
}

/// Finds all modules of a plan as its lock says, and brings the lock up to date, which is not written yet.
pub(crate) async fn take(
    plan: &Plan,
    sources: &Sources,
    lock: &mut Lock,
    terminal: &Terminal,
) -> Result<BTreeMap<InstanceName, Resolved>, CommandError> {
    let registry = sources.registry(plan, terminal)?;
    let found = resolve(plan, &registry, &lock.pins, terminal).await?;
    let pins = pins(plan, &found)?;
    if sources.locked {
        unchanged(&lock.pins, &pins)?;
    }
    consent::accepted(&lock.pins, &pins)?;
    lock.pins = pins;
    Ok(found)
}

/// Finds all modules of a plan, those that are pinned by their pins.
pub(crate) async fn resolve(
    plan: &Plan,
    registry: &Registry,
    pins: &[Pin],
    terminal: &Terminal,
) -> Result<BTreeMap<InstanceName, Resolved>, CommandError> {
    let find = |usage| find(registry, usage, pin_of(pins, usage));
    let answers = join_all(plan.modules.iter().map(find)).await;
    let mut resolved = BTreeMap::new();
    let mut found: Vec<Diagnostic> = Vec::new();
    for (usage, answer) in plan.modules.iter().zip(answers) {
        let problem = match answer {
            Ok(module) => {
                if let Some(reason) = &module.yanked {
                    let (id, version) = (&module.module, &module.version);
                    let reason = clean(reason);
                    terminal.note(format!("{id} {version} was yanked: {reason}"));
                }
                resolved.insert(usage.name.clone(), module);
                continue;
            }
            Err(error) => problem(error)?,
        };
        let span = usage.requirement_span();
        found.push(Diagnostic::error(&plan.source, span, problem));
    }
    if found.is_empty() {
        Ok(resolved)
    } else {
        Err(wrong(&found.into(), terminal))
    }
}

/// Finds what a use of a module means.
pub(crate) async fn find(
    registry: &Registry,
    usage: &ModuleUse,
    pin: Option<&Pin>,
) -> Result<Resolved, ResolveError> {
    let (module, requirement) = (&usage.module, &usage.requirement);
    match &usage.exact {
        Some(exact) => registry.resolve_exact(module, requirement, exact).await,
        None => registry.resolve(module, requirement, pin).await,
    }
}

/// Whether a pin is what a use of a module came to.
pub(crate) fn is_of(pin: &Pin, usage: &ModuleUse) -> bool {
    usage.exact.is_none() && pin.module == usage.module && pin.requirement == usage.requirement
}

/// What a use of a module came to before.
pub(crate) fn pin_of<'a>(pins: &'a [Pin], usage: &ModuleUse) -> Option<&'a Pin> {
    pins.iter().find(|pin| is_of(pin, usage))
}

/// The uses of what is called this, by its name in the plan or its own. Refused where there is none.
pub(crate) fn called<'a>(plan: &'a Plan, name: &str) -> Result<Vec<&'a ModuleUse>, CommandError> {
    let is_meant = |usage: &&ModuleUse| {
        usage.name.as_str() == name
            || usage.module.name() == name
            || usage.module.to_string() == name
    };
    let meant: Vec<&ModuleUse> = plan.modules.iter().filter(is_meant).collect();
    if meant.is_empty() {
        let error = anyhow!("the plan has no module `{}`", name.escape_debug());
        let names = plan.modules.iter().map(|usage| usage.name.as_str());
        let near = did_you_mean(name, names);
        return Err(CommandError::new(Kind::Usage, error).maybe_hint(near));
    }
    Ok(meant)
}

/// The pins of modules that were found, each once, but of those that the plan names by their hash itself.
pub(crate) fn pins(
    plan: &Plan,
    resolved: &BTreeMap<InstanceName, Resolved>,
) -> Result<Vec<Pin>, CommandError> {
    let open = plan.modules.iter().filter(|usage| usage.exact.is_none());
    all_pins(open.filter_map(|usage| resolved.get(&usage.name)))
}

/// The pins of modules that were found, each once.
pub(crate) fn all_pins<'a>(
    resolved: impl Iterator<Item = &'a Resolved>,
) -> Result<Vec<Pin>, CommandError> {
    let pins = resolved.filter_map(|found| pin(found).transpose());
    let mut pins = pins.collect::<Result<Vec<_>, _>>()?;
    pins.sort_by_cached_key(|pin| (pin.module.to_string(), pin.requirement.to_string()));
    pins.dedup();
    Ok(pins)
}

/// The pin of a module, where it comes from a registry, with what it asks for.
pub(crate) fn pin(found: &Resolved) -> Result<Option<Pin>, CommandError> {
    let Some(pin) = found.pin.clone() else {
        return Ok(None);
    };
    let asks = powers_of(found)?.into_iter().collect();
    Ok(Some(Pin { asks, ..pin }))
}

/// What a module imports and asks for, in words.
pub(crate) fn powers_of(module: &Resolved) -> Result<BTreeSet<String>, CommandError> {
    let unreadable = |error| CommandError::new(Kind::Failed, error);
    let embedded = extract(&module.bytes).map_err(unreadable)?;
    let interfaces = Interfaces::of(&module.bytes).map_err(unreadable)?;
    Ok(powers(&embedded, &interfaces.imports))
}

/// Refuses pins that are not those that are written.
pub(crate) fn unchanged(written: &[Pin], now: &[Pin]) -> Result<(), CommandError> {
    let anew = now.iter().find(|pin| !written.contains(pin));
    let Some(anew) = anew else { return Ok(()) };
    let error = anyhow!(
        "cellhost.lock does not say that `{}` {} is {} of {}",
        anew.module,
        anew.requirement,
        anew.version,
        anew.registry
    );
    Err(CommandError::new(Kind::Usage, error)
        .hint("look at it and write it: `cellhost update`; `--locked` changes nothing there"))
}

/// Says what is wrong with the plan, or with the world.
fn problem(error: ResolveError) -> Result<Problem, CommandError> {
    match error {
        ResolveError::Unknown { module, hint } => {
            Ok(Problem::new(format!("there is no module `{module}`")).help(hint))
        }
        ResolveError::NoVersion { ref found, .. } => {
            Ok(Problem::new(error.to_string()).help(format!("there are {found}")))
        }
        ResolveError::Denied { ref module, .. } => {
            let help = format!("`cellhost update --module {module}` takes another version");
            Ok(Problem::new(error.to_string()).help(help))
        }
        error => Err(failed(error)),
    }
}

/// A command that ends since a module cannot be had.
pub(crate) fn failed(error: ResolveError) -> CommandError {
    let hint = match &error {
        ResolveError::Shelf(ShelfError::Remote(error)) => error.hint(),
        ResolveError::Trust(error) => Some(error.hint()),
        ResolveError::Unknown { hint, .. } => Some(hint.clone()),
        _ => None,
    };
    let kind = match &error {
        ResolveError::Unknown { .. } | ResolveError::NoVersion { .. } => Kind::Usage,
        _ => Kind::Failed,
    };
    CommandError::new(kind, error).maybe_hint(hint)
}
