//! Simulated machines, modules on them, and runs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result, anyhow};
use cellhost_effects::layers::{
    Agreed, Approval, Foresight, Journaled, Live, Noted, Notes, Policy, Preview, Secrets,
};
use cellhost_effects::record::Journal;
use cellhost_effects::{Agreement, Certainty, Effects, Hook, Settlement, Turn, Vault};
use cellhost_engine::{Deployment, Event, Happening, Placed, Removal, Roster, Row, Stop, Summary};
use cellhost_manifest::{Embedded, Manifest, embed};
use cellhost_plan::{InstanceName, MachineName, Plan, SecretName};
use cellhost_runtime::{
    CellView, Context, Level, Limits, LoadError, Module, Runtime, Totals, Voice,
};
use cellhost_system_tests::Canaries;
use cellhost_transport::{Request, SimulatedFleet};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

/// Whether a run changes machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It does.
    Real,
    /// It shows what would change.
    Dry,
}

/// Three machines, `m1` to `m3`, and where records of what happens to them go.
pub(crate) struct Stage {
    /// The machines.
    pub(crate) fleet: Arc<SimulatedFleet>,
    vault: Arc<Vault>,
    canaries: Canaries,
    place: TempDir,
}

/// What is known of a run.
pub(crate) struct Told {
    /// How it went.
    pub(crate) summary: Summary,
    /// What happened.
    pub(crate) events: Vec<Event>,
    /// Its record.
    pub(crate) journal: String,
}

/// The plan's part that every stage has in common.
const MACHINES: &str = "\"m[1-3]\" = { address = \"10.0.0.[1-3]\" }\n\n";

/// The names of the machines.
pub(crate) const NAMES: [&str; 3] = ["m1", "m2", "m3"];

/// One engine for all tests, as a program has one.
fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<Result<Runtime, LoadError>> = OnceLock::new();
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache/compiled");
    let runtime = RUNTIME.get_or_init(|| Runtime::new(Some(&cache)));
    runtime.as_ref().map_err(|error| anyhow!("{error}"))
}

/// Loads a finished guest, or says why it cannot be.
pub(crate) fn load(name: &str) -> Result<Result<Module, LoadError>> {
    let bytes = fs_err::read(cellhost_system_tests::guest(name)?)?;
    Ok(runtime()?.load(&bytes, &format!("{name}.wasm")))
}

/// A plan whose modules have so much together, ready to run.
pub(crate) async fn deploy_within(totals: Totals, plan: &str) -> Result<Deployment> {
    let runtime = runtime()?.clone().within(totals);
    deploy_with(plan, |name| {
        let bytes = fs_err::read(cellhost_system_tests::guest(name)?)?;
        Ok(runtime.load(&bytes, name)?)
    })
    .await
}

/// Loads a guest whose bytes are not what was built.
pub(crate) fn loaded(bytes: &[u8], name: &str) -> Result<Module> {
    Ok(runtime()?.load(bytes, &format!("{name}.wasm"))?)
}

/// Loads the guest that does nothing, with a manifest of the test's own.
pub(crate) fn made_up(manifest: &str) -> Result<Module> {
    let bytes = fs_err::read(cellhost_system_tests::guest("no-manifest")?)?;
    let manifest = Manifest::parse("module.toml", manifest);
    let manifest = manifest.map_err(|wrong| anyhow!(wrong.render(false)))?;
    let bytes = embed(&bytes, &Embedded::new(manifest, None, BTreeMap::new()))?;
    Ok(runtime()?.load(&bytes, "made-up.wasm")?)
}

/// A plan on the machines and the modules that it names, ready to run.
pub(crate) async fn deploy(plan: &str) -> Result<Deployment> {
    deploy_on(MACHINES, plan).await
}

/// The same on these machines.
pub(crate) async fn deploy_on(machines: &str, plan: &str) -> Result<Deployment> {
    deploy_all(machines, plan, |name| {
        load(name)?.with_context(|| name.to_owned())
    })
    .await
}

/// The same, with modules from elsewhere.
pub(crate) async fn deploy_with(
    plan: &str,
    load: impl Fn(&str) -> Result<Module>,
) -> Result<Deployment> {
    deploy_all(MACHINES, plan, load).await
}

async fn deploy_all(
    machines: &str,
    plan: &str,
    load: impl Fn(&str) -> Result<Module>,
) -> Result<Deployment> {
    let text = format!("cell = \"stage\"\n\n[machines]\n{machines}{plan}");
    let plan = Plan::parse("plan.toml", &text).map_err(|wrong| anyhow!(wrong.render(false)))?;
    let mut modules = BTreeMap::new();
    for usage in &plan.modules {
        let module = load(usage.module.name())?;
        modules.insert(usage.name.clone(), module);
    }
    let mut roster = Roster::default();
    let prepared = cellhost_engine::prepare(Arc::new(plan), &modules, &mut roster).await;
    prepared.map_err(|wrong| anyhow!(wrong.render(false)))
}

impl Stage {
    /// Sets up fresh machines.
    pub(crate) fn new() -> Result<Self> {
        Self::knowing(&[])
    }

    /// Sets up fresh machines, and secrets by name and value.
    pub(crate) fn knowing(secrets: &[(&str, &str)]) -> Result<Self> {
        let mut values = BTreeMap::new();
        let mut canaries = Canaries::default();
        for (name, value) in secrets {
            canaries.add(name, value)?;
            let name = SecretName::new(name).map_err(|problem| anyhow!("{problem}"))?;
            values.insert(name, Zeroizing::new((*value).to_owned()));
        }
        let names: Vec<MachineName> = NAMES.iter().map(|name| machine(name)).collect();
        Ok(Self {
            fleet: Arc::new(SimulatedFleet::of(&names)),
            vault: Arc::new(Vault::holding(values)),
            canaries,
            place: tempfile::tempdir()?,
        })
    }

    /// The layers of a run over the machines, with a journal at this path.
    pub(crate) fn stack(&self, mode: Mode, journal: &Path) -> Result<Arc<dyn Effects>> {
        let journal = Arc::new(Journal::begin(journal)?);
        let live = Live::new(self.fleet.clone());
        let vault = self.vault.clone();
        Ok(match mode {
            Mode::Real => Arc::new(Journaled::new(
                Policy::new(Secrets::new(Foresight::new(live), vault)),
                journal,
            )),
            Mode::Dry => Arc::new(Journaled::new(
                Policy::new(Secrets::new(Foresight::new(Preview::new(live)), vault)),
                journal,
            )),
        })
    }

    /// The layers of a dry run whose changes are noted.
    pub(crate) fn noting(&self) -> (Arc<dyn Effects>, Arc<Notes>) {
        let notes = Notes::new("salt", self.vault.clone());
        let preview = Preview::new(Live::new(self.fleet.clone()));
        let noted = Foresight::new(Noted::new(preview, notes.clone()));
        let effects = Policy::new(Secrets::new(noted, self.vault.clone()));
        (Arc::new(effects), notes)
    }

    /// The layers of a run that makes the changes of an agreement, and asks about others.
    pub(crate) fn agreeing(
        &self,
        agreement: Agreement,
        approval: Arc<dyn Approval>,
        journal: &Path,
    ) -> Result<Arc<dyn Effects>> {
        let journal = Arc::new(Journal::begin(journal)?);
        let live = Live::new(self.fleet.clone());
        let agreed = Agreed::new(live, agreement, self.vault.clone(), approval);
        let below = Secrets::new(Foresight::new(agreed), self.vault.clone());
        let below = Policy::new(below);
        Ok(Arc::new(Journaled::new(below, journal)))
    }

    /// A path for a journal that is not there yet.
    pub(crate) fn journal(&self) -> Result<std::path::PathBuf> {
        let count = fs_err::read_dir(self.place.path())?.count();
        Ok(self.place.path().join(format!("{count}.jsonl")))
    }

    /// Runs a deployment.
    pub(crate) async fn run(&self, deployment: &Deployment, mode: Mode) -> Result<Told> {
        let journal = self.journal()?;
        let effects = self.stack(mode, &journal)?;
        let mut told = self.over(deployment, effects).await;
        told.journal = fs_err::read_to_string(journal)?;
        self.assert_untold(&told)?;
        Ok(told)
    }

    /// Fails where a secret is in what is told of a run, or in an argument of what was run.
    fn assert_untold(&self, told: &Told) -> Result<()> {
        self.canaries.are_not_in("the journal", &told.journal)?;
        self.canaries
            .are_not_in("the events", format!("{:?}", told.events))?;
        self.canaries
            .are_not_in("the summary", format!("{:?}", told.summary))?;
        for machine in self.fleet.machines() {
            for request in machine.requests() {
                if let Request::Command(command) = request.asked() {
                    let words = command.argv.join(" ");
                    self.canaries
                        .are_not_in("the arguments of a command", words)?;
                }
            }
        }
        Ok(())
    }

    /// Runs a deployment over these layers; what they record is not told.
    pub(crate) async fn over(&self, deployment: &Deployment, effects: Arc<dyn Effects>) -> Told {
        let (events, mut heard) = mpsc::unbounded_channel();
        let summary = cellhost_engine::run(deployment, effects, events, Stop::new()).await;
        let mut told = Vec::new();
        while let Ok(event) = heard.try_recv() {
            told.push(event);
        }
        Told {
            summary,
            events: told,
            journal: String::new(),
        }
    }

    /// Takes modules off as a removal says.
    pub(crate) async fn remove(
        &self,
        deployment: &Deployment,
        removal: &Removal,
        mode: Mode,
    ) -> Result<Summary> {
        let effects = self.stack(mode, &self.journal()?)?;
        let (events, _heard) = mpsc::unbounded_channel();
        Ok(cellhost_engine::remove(deployment, removal, effects, events, Stop::new()).await)
    }

    /// Takes all modules off, which goes well; their data with `purge`.
    pub(crate) async fn remove_all(&self, deployment: &Deployment, purge: bool) -> Result<()> {
        let all = Removal::of(deployment, &BTreeSet::new(), purge)?;
        let summary = self.remove(deployment, &all, Mode::Real).await?;
        assert!(summary.is_good(), "{summary:?}");
        Ok(())
    }

    /// Everything that the machines are, as text.
    pub(crate) fn state(&self) -> Vec<String> {
        let machines = self.fleet.machines();
        machines
            .map(|machine| format!("{:?}", *machine.state()))
            .collect()
    }

    /// A file of a machine.
    pub(crate) fn text(&self, machine: &str, path: &str) -> String {
        let found = self.fleet.machine(machine).expect("a machine of the stage");
        let state = found.state();
        let text = state.text(path);
        text.unwrap_or_else(|| panic!("{machine} has no {path}"))
            .to_owned()
    }
}

impl Told {
    /// The rows of one module, by place.
    pub(crate) fn rows(&self, module: &str) -> BTreeMap<String, &Row> {
        let rows = self.summary.rows.iter();
        let own = rows.filter(|row| row.module.as_str() == module);
        own.map(|row| {
            let machine = row.machine.as_ref();
            let place = machine.map_or_else(|| row.hook.to_string(), ToString::to_string);
            (place, row)
        })
        .collect()
    }

    /// What changed or would, by machine: commands, and each wish with what it was about.
    pub(crate) fn changes(&self) -> BTreeMap<String, Vec<String>> {
        let mut changes: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for event in &self.events {
            let Event::Turn { happening, .. } = event else {
                continue;
            };
            let (machine, lines) = match happening {
                Happening::Settled {
                    machine, changed, ..
                } => (machine, changed.iter().map(words).collect()),
                Happening::Ran { machine, argv, .. } => (machine, vec![argv.join(" ")]),
                _ => continue,
            };
            changes
                .entry(machine.to_string())
                .or_default()
                .extend(lines);
        }
        changes.retain(|_, lines| !lines.is_empty());
        changes
    }

    /// What modules warned of, in order.
    pub(crate) fn warnings(&self) -> Vec<&str> {
        let mut warnings = Vec::new();
        for event in &self.events {
            if let Event::Turn {
                happening: Happening::Said(Level::Warn, words),
                ..
            } = event
            {
                warnings.push(words.as_str());
            }
        }
        warnings
    }

    /// The records, each as data.
    pub(crate) fn records(&self) -> Result<Vec<Value>> {
        let lines = self.journal.lines();
        Ok(lines.map(serde_json::from_str).collect::<Result<_, _>>()?)
    }
}

fn words(settlement: &Settlement) -> String {
    let diff = settlement.diff.as_deref().unwrap_or_default();
    format!(
        "{}: {}\n{diff}",
        settlement.subject,
        settlement.lines.join(", ")
    )
}

/// Names a machine.
pub(crate) fn machine(name: &str) -> MachineName {
    MachineName::new(name).expect("a name of a machine")
}

/// A call of a hook past the engine, which does not call all of them.
pub(crate) fn context(
    placed: &Placed,
    hook: Hook,
    on: Option<&str>,
    effects: Arc<dyn Effects>,
) -> Context {
    let name: &InstanceName = &placed.usage.name;
    Context {
        turn: Arc::new(Turn {
            module: name.clone(),
            version: placed.module.embedded().manifest.version.clone(),
            hook,
            machine: on.map(machine),
            round: 0,
            given: Certainty::Exact,
            rights: placed.rights.clone(),
            templates: placed.module.templates().clone(),
        }),
        cell: Arc::new(CellView {
            name: "stage".to_owned(),
            members: placed.members.clone(),
            leaving: placed.leaving.clone(),
            settings: placed.usage.settings.to_string(),
            outputs: BTreeMap::new(),
        }),
        effects,
        voice: Arc::new(Deaf),
        limits: Limits::default(),
        seed: 0,
    }
}

/// Hears nothing.
struct Deaf;

impl Voice for Deaf {
    fn said(&self, _: &Turn, _: Level, _: String) {}
    fn doing(&self, _: &Turn, _: String) {}
}
