use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use crate::barrier::Barrier;
use crate::diagnostic::Diagnostic;
use crate::diagnostics::Diagnostics;
use crate::document::{Node, Report, Table};
use crate::entry::ModuleEntry;
use crate::inventory::Inventory;
use crate::machine::Machine;
use crate::module::ModuleUse;
use crate::name::{CellName, MachineName, SecretName};
use crate::order::{check_ensemble, check_order};
use crate::phases::Phases;
use crate::problem::Problem;
use crate::registry::Registries;
use crate::rules::Rules;
use crate::run_rule::RunRule;
use crate::secret::{SecretSource, Secrets};
use crate::source::Source;
use crate::ssh::Ssh;
use crate::state::State;

/// A whole plan, in which every name means something and every machine and module is usable.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The name of what is deployed.
    pub cell: CellName,
    /// How machines are reached.
    pub ssh: Ssh,
    /// What a run does about machines that fail.
    pub run: RunRule,
    /// What holds for all its modules.
    pub rules: Rules,
    /// Where its lock and the records of its runs are, where that is not this computer alone.
    pub state: Option<State>,
    /// Where modules come from that are not in this program.
    pub registries: Registries,
    /// Where the values of secrets come from.
    pub secrets: BTreeMap<SecretName, SecretSource>,
    /// The phases, in the order they run.
    pub phases: Phases,
    /// What stands before the phases that need a quorum.
    pub barrier: Barrier,
    /// The machines, in the order of the plan.
    pub machines: Vec<Machine>,
    /// The modules, in the order of the plan.
    pub modules: Vec<ModuleUse>,
    /// What is probably not meant, yet usable.
    pub warnings: Vec<Diagnostic>,
    /// The text all spans point into.
    pub source: Source,
    places: HashMap<MachineName, usize>,
}

/// Says why a file could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is wrong.
    #[error(transparent)]
    Wrong(#[from] Diagnostics),
}

impl Plan {
    /// Parses a plan; `name` is the path that diagnostics show and that relative paths start from.
    ///
    /// Reports everything that is wrong at once, warnings included.
    pub fn parse(name: &str, text: &str) -> Result<Self, Diagnostics> {
        let report = Report::new(Source::new(name, text));
        let Some(document) = Node::from_toml(&report) else {
            return Err(report.finish());
        };
        let draft = Table::root(&document, &report).and_then(|root| Draft::read(root, &report));
        let source = report.source().clone();
        let failed = report.has_errors();
        let diagnostics = report.finish();
        match draft {
            Some(draft) if !failed => Ok(draft.into_plan(source, diagnostics.into_vec())),
            _ => Err(diagnostics),
        }
    }

    /// Reads a file and parses it.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|source| LoadError::Read {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self::parse(&path.display().to_string(), &text)?)
    }

    /// Finds a machine by its name.
    pub fn machine(&self, name: &(impl AsRef<str> + ?Sized)) -> Option<&Machine> {
        self.machines.get(*self.places.get(name.as_ref())?)
    }

    /// Finds a module by the name of its instance.
    pub fn module(&self, name: &(impl AsRef<str> + ?Sized)) -> Option<&ModuleUse> {
        self.modules
            .iter()
            .find(|module| module.name.as_str() == name.as_ref())
    }
}

/// A plan whose names may still mean nothing.
struct Draft {
    cell: CellName,
    ssh: Ssh,
    run: RunRule,
    rules: Rules,
    state: Option<State>,
    registries: Registries,
    secrets: BTreeMap<SecretName, SecretSource>,
    phases: Phases,
    barrier: Barrier,
    inventory: Inventory,
    modules: Vec<ModuleUse>,
}

impl Draft {
    fn read(mut root: Table<'_>, report: &Report) -> Option<Self> {
        let cell = root
            .require("cell", "\"…\"")
            .and_then(|value| value.parse(CellName::new));
        let secrets = Secrets::read(root.get("secrets"));
        let ssh = Ssh::read(root.get("ssh"), &secrets);
        let run = RunRule::read(root.get("run"));
        let rules = Rules::read(root.get("rules"));
        let state = State::read(root.get("state"));
        let registries = Registries::read(root.get("registry"));
        let inventory = Inventory::read(root.get("machines"), root.get("groups"), &ssh, report);
        let phases = Phases::read(root.get("phases"));
        let (barrier, ensemble) = Barrier::read(root.get("barrier"), &inventory);
        let modules = root.get("modules").and_then(|value| value.table());
        let entries = modules.map(|table| table.entries()).unwrap_or_default();
        if entries.is_empty() {
            let problem = Problem::new("this plan has no modules, so it deploys nothing");
            report.warning(
                root.span(),
                "modules",
                problem.help("add one: `[modules.zookeeper]`"),
            );
        }
        let entries: Vec<ModuleEntry<'_>> = entries
            .into_iter()
            .filter_map(|(key, value)| {
                ModuleEntry::read(key, &value, &phases, &inventory, &secrets)
            })
            .collect();
        check_order(&entries, &phases);
        check_ensemble(ensemble.as_ref(), &entries);
        root.finish();
        let secrets = secrets.finish(report);
        let modules = entries
            .into_iter()
            .filter_map(|entry| entry.module)
            .collect();
        Some(Self {
            cell: cell?,
            ssh,
            run,
            rules,
            state,
            registries,
            secrets,
            phases,
            barrier,
            inventory,
            modules,
        })
    }

    fn into_plan(self, source: Source, warnings: Vec<Diagnostic>) -> Plan {
        Plan {
            cell: self.cell,
            ssh: self.ssh,
            run: self.run,
            rules: self.rules,
            state: self.state,
            registries: self.registries,
            secrets: self.secrets,
            phases: self.phases,
            barrier: self.barrier,
            machines: self.inventory.machines,
            modules: self.modules,
            warnings,
            source,
            places: self.inventory.places,
        }
    }
}
