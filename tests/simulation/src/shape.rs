//! Cells that schedules are about: what is planned, and what an undisturbed run makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result, anyhow};
use cellhost_engine::{Deployment, Roster};
use cellhost_plan::{MachineName, Plan};
use cellhost_runtime::{Module, Runtime};
use cellhost_transport::State;

/// One cell.
pub struct Shape {
    /// Its name.
    pub name: &'static str,
    /// Its quorums, all of the same servers; the barrier waits for the first.
    pub quorums: Vec<Quorum>,
    /// Every machine, those that no module uses included.
    pub machines: Vec<MachineName>,
    /// Machines by address.
    pub addresses: BTreeMap<String, MachineName>,
    /// The machines of the quorums.
    pub servers: Vec<MachineName>,
    /// The machines that modules use.
    pub used: BTreeSet<MachineName>,
    /// The modules behind the barrier.
    pub behind_barrier: BTreeSet<String>,
    /// How many times in a row the barrier looks; 0 where there is none.
    pub rounds: u32,
    /// Whether the servers are changed one after the other.
    pub rolls: bool,
    /// The cell as it is first, and as it is to be later.
    pub deployments: Vec<Deployment>,
    /// What undisturbed runs make of it: the first on fresh machines, the others after it.
    undisturbed: OnceLock<Vec<Undisturbed>>,
}

/// One quorum.
#[derive(Debug, Clone, Copy)]
pub struct Quorum {
    /// The service of its servers, and its module's name in the plan.
    pub service: &'static str,
    /// Where they listen.
    pub port: u16,
}

/// The quorum that the barrier waits for.
const FIRST: Quorum = Quorum {
    service: "quorum",
    port: 2181,
};
/// The other one on the same machines.
const COUNCIL: Quorum = Quorum {
    service: "council",
    port: 2182,
};

/// What an undisturbed run did.
#[derive(Debug, Clone)]
pub struct Undisturbed {
    /// What machines are afterwards.
    pub states: BTreeMap<MachineName, State>,
    /// What was settled or run, by machine.
    pub things: BTreeSet<(MachineName, String)>,
    /// How many exchanges it took.
    pub exchanges: usize,
    /// How many records it left.
    pub records: usize,
    /// How many effects those are about.
    pub effects: usize,
    /// How long it took, on the clock of the simulation.
    pub took: std::time::Duration,
}

/// What a plan is made of.
#[derive(Debug, Clone, Copy)]
pub struct Blueprint {
    /// Its name.
    pub name: &'static str,
    /// How many servers.
    pub servers: usize,
    /// How many other machines have workers.
    pub workers: usize,
    /// Whether servers have workers too.
    pub shared: bool,
    /// How many steps a worker has.
    pub steps: usize,
    /// More of a worker's settings.
    pub work: &'static str,
    /// Whether there is another quorum on the same machines.
    pub council: bool,
    /// How many times in a row the barrier looks.
    pub rounds: u32,
    /// More of the quorum's table in the plan.
    pub quorum: &'static str,
    /// More of the plan.
    pub rest: &'static str,
}

impl Shape {
    /// Prepares a cell.
    pub async fn of(blueprint: &Blueprint, shelf: &Shelf) -> Result<Self> {
        let name = |letter: &str, count: usize| -> Result<Vec<MachineName>> {
            let names = (1..=count).map(|number| format!("{letter}{number}"));
            names
                .map(|name| MachineName::new(&name).map_err(|problem| anyhow!("{problem}")))
                .collect()
        };
        let servers = name("q", blueprint.servers)?;
        let workers = name("w", blueprint.workers)?;
        let idle = name("idle", 1)?;
        let machines: Vec<MachineName> = [&servers[..], &workers[..], &idle[..]].concat();
        let addresses: BTreeMap<String, MachineName> = (1..)
            .zip(&machines)
            .map(|(number, name)| (format!("10.0.0.{number}"), name.clone()))
            .collect();
        let mut roster = Roster::default();
        let plan = |text: &str| blueprint.plan(&addresses, &servers, &workers, text);
        let first = shelf.deploy(&plan("first"), &mut roster).await?;
        // What comes later knows that there was a run that went well.
        for placed in &first.modules {
            roster.settle(&placed.usage.name);
        }
        let second = shelf.deploy(&plan("second"), &mut roster).await?;
        Ok(Self {
            name: blueprint.name,
            quorums: blueprint.quorums(),
            used: servers.iter().chain(&workers).cloned().collect(),
            behind_barrier: BTreeSet::from(["worker".to_owned()]),
            deployments: vec![first, second],
            undisturbed: OnceLock::new(),
            rounds: blueprint.rounds,
            rolls: !blueprint.quorum.is_empty(),
            machines,
            addresses,
            servers,
        })
    }

    /// One of its plans, ready.
    pub fn deployment(&self, number: usize) -> Result<&Deployment> {
        self.deployments.get(number).context("no such plan")
    }

    /// What an undisturbed run of a plan did.
    pub fn undisturbed(&self, number: usize) -> Result<&Undisturbed> {
        let known = self.undisturbed.get().and_then(|runs| runs.get(number));
        known.context("there was no rehearsal")
    }

    /// Keeps what undisturbed runs did.
    pub fn tell(&self, runs: Vec<Undisturbed>) -> Result<()> {
        let kept = self.undisturbed.set(runs);
        kept.map_err(|_| anyhow!("there was a rehearsal already"))
    }

    /// Whether undisturbed runs touch a thing too.
    pub fn expected(&self, machine: &MachineName, thing: &str) -> bool {
        let Some(known) = self.undisturbed.get() else {
            return true;
        };
        let pair = (machine.clone(), thing.to_owned());
        known.iter().any(|run| run.things.contains(&pair))
    }
}

impl Blueprint {
    fn quorums(&self) -> Vec<Quorum> {
        let mut quorums = vec![FIRST];
        quorums.extend(self.council.then_some(COUNCIL));
        quorums
    }

    fn plan(
        &self,
        addresses: &BTreeMap<String, MachineName>,
        servers: &[MachineName],
        workers: &[MachineName],
        text: &str,
    ) -> String {
        let rows = addresses
            .iter()
            .map(|(address, name)| format!("{name} = {{ address = \"{address}\" }}\n"));
        let list = |names: &[MachineName]| {
            let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
            quoted.join(", ")
        };
        let mut working = workers.to_vec();
        if self.shared {
            working.extend(servers.iter().cloned());
        }
        let quorums = self.quorums().into_iter().map(|Quorum { service, port }| {
            format!(
                "[modules.{service}]\nmodule = \"quorum\"\non = [{}]\n\
                 settings = {{ name = \"{service}\", port = {port}, text = \"{text}\" }}\n{}\n",
                list(servers),
                self.quorum,
            )
        });
        format!(
            "cell = \"simulated\"\n\n[machines]\n{}\n{}\
             [modules.worker]\nafter = [\"quorum\"]\non = [{}]\nsettings = {{ steps = {}, text = \"{text}\"{} }}\n{}\n",
            rows.collect::<String>(),
            quorums.collect::<String>(),
            list(&working),
            self.steps,
            self.work,
            self.rest,
        )
    }
}

/// The modules of the simulation, compiled once.
pub struct Shelf {
    modules: BTreeMap<String, Module>,
}

impl Shelf {
    /// Loads the guests that `cargo xtask guests` left.
    pub fn open() -> Result<Self> {
        let guests = guests();
        // Without ticks: when a guest gives way must not depend on how fast this computer is.
        let cache = guests.join(".simulation");
        let runtime = Runtime::without_clock(Some(&cache))?;
        let mut modules = BTreeMap::new();
        for name in ["quorum", "worker"] {
            let file = guests.join(format!("{name}.wasm"));
            let bytes = fs_err::read(&file).context("run `cargo xtask guests` first")?;
            modules.insert(name.to_owned(), runtime.load(&bytes, name)?);
        }
        Ok(Self { modules })
    }

    /// Makes a plan ready.
    pub async fn deploy(&self, text: &str, roster: &mut Roster) -> Result<Deployment> {
        let plan = Plan::parse("plan.toml", text).map_err(|wrong| anyhow!(wrong.render(false)))?;
        let mut modules = BTreeMap::new();
        for usage in &plan.modules {
            let module = self.modules.get(usage.module.name());
            let module = module.with_context(|| format!("no module `{}`", usage.module))?;
            modules.insert(usage.name.clone(), module.clone());
        }
        let prepared = cellhost_engine::prepare(Arc::new(plan), &modules, roster).await;
        prepared.map_err(|wrong| anyhow!(wrong.render(false)))
    }
}

/// The directory of the finished guests.
fn guests() -> PathBuf {
    let chosen = std::env::var_os("CELLHOST_GUESTS");
    let usual = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests");
    chosen.map_or_else(usual, PathBuf::from)
}
