//! What happens in one seed's world, and whether it was right.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use cellhost_effects::Hook;
use cellhost_effects::record::{Past, Record};
use cellhost_engine::{Deployment, Summary};
use cellhost_manifest::digest;
use cellhost_plan::InstanceName;
use cellhost_transport::State;

use crate::chance::Chance;
use crate::mutation::Mutation;
use crate::rule::{Rule, Violation};
use crate::run::{Order, run};
use crate::shape::{Shape, Undisturbed};
use crate::tape::{Death, Manner};
use crate::trouble::{Trouble, Troubles};
use crate::world::{Arrival, World};

/// What happens in one seed's world.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Where it all comes from.
    pub seed: u64,
    /// Whether machines are as the first plan left them, rather than fresh.
    pub standing: bool,
    /// Whether the plan is the second.
    pub second: bool,
    /// What goes wrong.
    pub troubles: Troubles,
    /// When the operator asks to stop, where that happens.
    pub stop_after: Option<Duration>,
    /// When the host dies, where it does.
    pub death: Option<Death>,
    chance: Chance,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Told {
    /// The rules that were broken.
    pub violations: Vec<Violation>,
    /// What came to machines.
    pub arrivals: Vec<Arrival>,
    /// How often each trouble was met.
    pub met: BTreeMap<Trouble, usize>,
    /// The runs, in words.
    pub runs: Vec<String>,
    /// How many of them went on with one before.
    pub resumed: u64,
    /// Whether the first of them was stopped by the operator.
    pub stopped: bool,
    /// Whether the host died in the first.
    pub died: bool,
    /// Whether the first of them went well.
    pub good: bool,
    /// What the engine said, where records are hashed.
    pub said: Vec<String>,
    /// The hashes of the records, without the times at which they were written.
    pub sums: Vec<String>,
}

/// How many runs there are at most. The last ones meet no trouble.
const RUNS: usize = 3;

impl Schedule {
    /// Makes what a seed says of a shape.
    pub fn of(seed: u64, shape: &Shape) -> Result<Self> {
        let mut chance = Chance::new(seed);
        let standing = chance.once_in(2);
        let second = standing && !chance.once_in(6);
        let expected = shape.undisturbed(usize::from(second))?;
        let counts = [0, 1, 1, 2, 2, 3, 5];
        let count = chance.pick(&counts).copied().unwrap_or(0);
        let troubles = Troubles::among(count, expected.exchanges, &mut chance);
        let took = u64::try_from(expected.took.as_millis())?;
        let stop_after = chance.once_in(12).then(|| chance.between(0, took));
        let manners = [Manner::Killed, Manner::Torn, Manner::Power];
        let manner = chance.pick(&manners).copied().unwrap_or(Manner::Killed);
        let record = chance.index(expected.records);
        let death = chance.once_in(4).then_some(Death { record, manner });
        Ok(Self {
            seed,
            standing,
            second,
            troubles,
            stop_after,
            death,
            chance,
        })
    }

    /// Lets it happen to a host that is broken, where one is wanted. With `sum` records are hashed.
    pub async fn play(
        &self,
        shape: &Arc<Shape>,
        mutation: Option<Mutation>,
        sum: bool,
    ) -> Result<Told> {
        let before = shape.undisturbed(0)?;
        let wanted = shape.undisturbed(usize::from(self.second))?;
        let mut deployment = shape.deployment(usize::from(self.second))?.clone();
        let mut chance = self.chance.clone();
        let states = self.standing.then_some(&before.states);
        let world = World::new(shape, states, self.troubles.clone(), chance.branch());
        let mut told = Told::default();
        let mut came_through = BTreeSet::new();
        let mut order = Order {
            stop_after: self.stop_after,
            death: self.death,
            mutation,
            ..Order::default()
        };
        loop {
            let ran = run(&world, &deployment, &order).await?;
            if sum {
                told.sums.push(sum_of(&ran.tape.bytes())?);
                let run = told.runs.len() + 1;
                let said = ran.said.iter();
                told.said
                    .extend(said.map(|event| format!("run {run}: {event:?}")));
            }
            told.resumed += u64::from(order.resumes.is_some());
            let summary = ran.summary.as_ref();
            let good = summary.is_some_and(Summary::is_good);
            if told.runs.is_empty() {
                told.good = good;
                told.died = summary.is_none();
                told.stopped = summary.is_some_and(|summary| summary.interrupted);
            }
            told.runs.push(words(summary));
            if let Some(summary) = summary {
                believe(&world, summary, wanted);
            }
            if good {
                world.heal().await;
                compare(&world, wanted);
                break;
            }
            if told.runs.len() == RUNS {
                world.object(Rule::Unhealed, words(summary));
                break;
            }
            let open = summary.is_none_or(|summary| summary.interrupted) || world.has_open();
            let resumes = open && (mutation.is_some() || !chance.once_in(3));
            if let Some(summary) = summary {
                came_through.extend(through(&deployment, summary));
            }
            if !resumes {
                // Whoever resumes knows what the run knew when it was begun, a new run more.
                settle(&mut deployment, &came_through);
            }
            order = Order {
                resumes: resumes.then(|| ran.tape.bytes()),
                undecided: told.runs.len() + 1 < RUNS && chance.once_in(3),
                mutation,
                ..Order::default()
            };
            if told.runs.len() + 1 == RUNS || !chance.once_in(3) {
                world.heal().await;
            }
        }
        told.violations = world.violations();
        told.arrivals = world.arrivals();
        told.met = world.met();
        Ok(told)
    }
}

/// The modules that came through with all of their members.
fn through(deployment: &Deployment, summary: &Summary) -> Vec<InstanceName> {
    let names = deployment.modules.iter().map(|placed| &placed.usage.name);
    names
        .filter(|name| summary.is_good_for(name))
        .cloned()
        .collect()
}

/// Lets a deployment know what the roster beside a plan remembers: which modules came through.
fn settle(deployment: &mut Deployment, came_through: &BTreeSet<InstanceName>) {
    for placed in &mut deployment.modules {
        if came_through.contains(&placed.usage.name) {
            placed.founded = true;
            placed.newcomers.clear();
        }
    }
}

/// How a run went, in words.
pub(crate) fn words(summary: Option<&Summary>) -> String {
    let Some(summary) = summary else {
        return "the host died".to_owned();
    };
    if summary.is_good() {
        return format!("good, {} changes", summary.changes());
    }
    let rows = summary.rows.iter().filter(|row| !row.status.is_good());
    let rows: Vec<String> = rows
        .map(|row| {
            let machine = row.machine.as_ref().map_or("-", |name| name.as_str());
            let (module, hook, word) = (&row.module, row.hook, row.status.word());
            let reason = row.status.reason().unwrap_or_default();
            format!("{module}/{hook}/{machine} {word}: {reason}")
        })
        .collect();
    rows.join("; ")
}

/// How many effects a record is about.
fn effects(bytes: &[u8]) -> Result<usize> {
    let past = Past::of(&Record::parse(bytes)?)?;
    Ok(past.turns().values().map(|turn| turn.effects.len()).sum())
}

/// The hash of what a record says, without the times at which it was said.
fn sum_of(bytes: &[u8]) -> Result<String> {
    let mut text = String::new();
    for line in Record::parse(bytes)?.lines {
        text.push_str(&line.kind);
        text.push_str(&line.body.to_string());
    }
    Ok(digest(text.as_bytes()))
}

/// Holds what is reported against machines.
fn believe(world: &World, summary: &Summary, wanted: &Undisturbed) {
    for row in summary.rows.iter().filter(|row| row.status.is_good()) {
        let (Hook::Apply, Some(name)) = (row.hook, &row.machine) else {
            continue;
        };
        let Some(machine) = world.machine(name) else {
            continue;
        };
        let module = row.module.as_str();
        let is = part(&machine.state(), module);
        let should = wanted.states.get(name).map(|state| part(state, module));
        if should.as_ref() != Some(&is) {
            let words = format!("{module} on {name}: {}", differences(&is, should.as_ref()));
            world.object(Rule::Believed, words);
        }
    }
}

/// Holds machines against those of an undisturbed run.
pub(crate) fn compare(world: &World, wanted: &Undisturbed) {
    for (name, should) in &wanted.states {
        let Some(machine) = world.machine(name) else {
            continue;
        };
        if !same(&machine.state(), should) {
            let is = part(&machine.state(), "");
            let words = format!("{name}: {}", differences(&is, Some(&part(should, ""))));
            world.object(Rule::Different, words);
        }
    }
    for stale in world.stale() {
        world.object(Rule::Stale, stale);
    }
}

fn same(is: &State, should: &State) -> bool {
    let services = |state: &State| -> Vec<(String, bool, bool)> {
        let services = state.services.iter();
        services
            .map(|(name, service)| (name.clone(), service.enabled, service.running))
            .collect()
    };
    is.nodes == should.nodes
        && is.installed == should.installed
        && is.users == should.users
        && is.groups == should.groups
        && services(is) == services(should)
}

/// What of a machine a module is about, in words.
fn part(state: &State, module: &str) -> BTreeMap<String, String> {
    let mut part = BTreeMap::new();
    for (path, node) in &state.nodes {
        if module.is_empty() || path.starts_with(&format!("/etc/{module}")) {
            let content = String::from_utf8_lossy(&node.content);
            let words = format!(
                "{:?} {:o} {} {}: {content}",
                node.kind, node.mode, node.owner, node.group
            );
            part.insert(path.clone(), words);
        }
    }
    for (name, version) in &state.installed {
        if name.starts_with(module) {
            part.insert(format!("software {name}"), version.clone());
        }
    }
    for (name, service) in &state.services {
        if name.starts_with(module) {
            let words = format!("enabled {}, running {}", service.enabled, service.running);
            part.insert(format!("service {name}"), words);
        }
    }
    part
}

fn differences(is: &BTreeMap<String, String>, should: Option<&BTreeMap<String, String>>) -> String {
    let nothing = BTreeMap::new();
    let should = should.unwrap_or(&nothing);
    let keys: BTreeSet<&String> = is.keys().chain(should.keys()).collect();
    let differ = keys
        .into_iter()
        .filter(|key| is.get(*key) != should.get(*key));
    let words = differ.map(|key| {
        let of = |map: &BTreeMap<String, String>| map.get(key).cloned();
        format!("{key} is {:?} and should be {:?}", of(is), of(should))
    });
    words.collect::<Vec<_>>().join("; ")
}

/// Lets undisturbed runs tell what everything else is compared with. They may break no rules but
/// these.
pub async fn rehearse(shape: &Arc<Shape>, but: &[Rule]) -> Result<()> {
    let mut told: Vec<Undisturbed> = Vec::new();
    for number in 0..shape.deployments.len() {
        let before = told.first().map(|first| &first.states);
        let world = World::new(shape, before, Troubles::default(), Chance::new(0));
        let begun = tokio::time::Instant::now();
        let ran = run(&world, shape.deployment(number)?, &Order::default()).await?;
        let took = begun.elapsed();
        let why = words(ran.summary.as_ref());
        let mut broken = world.violations();
        broken.retain(|found| !but.contains(&found.rule));
        if !ran.summary.is_some_and(|summary| summary.is_good()) || !broken.is_empty() {
            bail!("an undisturbed run of `{}`: {why}; {broken:#?}", shape.name);
        }
        world.heal().await;
        let arrivals = world.arrivals();
        let things = arrivals.iter().flat_map(|arrival| {
            let things = arrival.things.iter();
            things.map(|thing| (arrival.machine.clone(), thing.clone()))
        });
        told.push(Undisturbed {
            states: world.states(),
            things: things.collect(),
            exchanges: world.exchanges(),
            records: ran.tape.records(),
            effects: effects(&ran.tape.bytes())?,
            took,
        });
    }
    shape.tell(told)
}
