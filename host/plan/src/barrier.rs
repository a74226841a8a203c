use std::collections::BTreeSet;
use std::time::Duration;

use crate::document::{Kind, Table, Text, Value};
use crate::duration::parse_duration_within;
use crate::inventory::Inventory;
use crate::name::{InstanceName, MachineName};
use crate::problem::Problem;
use crate::selection::select;
use crate::servers::{Server, Servers};
use crate::source::Span;

/// What the plan says about the barrier, behind which modules run that need a `ZooKeeper` quorum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Barrier {
    /// Whether the plan does without one.
    pub off: bool,
    /// The ensemble that it waits for; without a word, the one that a module of the plan deploys.
    pub ensemble: Option<Ensemble>,
    /// How many times in a row everything has to be the same.
    pub rounds: u32,
    /// How long it waits between two of them.
    pub interval: Duration,
    /// How long it goes on at most.
    pub timeout: Duration,
    /// The machines that the ensemble is looked at from; empty where the plan does not say.
    pub seen_from: Vec<MachineName>,
    /// Where it stands in the plan; the beginning where the plan has no word of it.
    pub span: Span,
}

/// An ensemble that a plan names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ensemble {
    /// The one that a module of the plan deploys.
    Instance(InstanceName),
    /// One that is there already.
    Servers(Servers),
}

impl Default for Barrier {
    fn default() -> Self {
        Self {
            off: false,
            ensemble: None,
            rounds: 10,
            interval: Duration::from_millis(500),
            timeout: Duration::from_mins(10),
            seen_from: Vec::new(),
            span: Span::default(),
        }
    }
}

impl Barrier {
    /// Reads `[barrier]`, or `barrier = false`; also gives the name of the instance it waits for.
    pub(crate) fn read<'a>(
        value: Option<Value<'a>>,
        inventory: &Inventory,
    ) -> (Self, Option<Text<'a>>) {
        let mut barrier = Self::default();
        let Some(value) = value else {
            return (barrier, None);
        };
        barrier.span = value.span();
        if let Kind::Boolean(on) = value.node().kind {
            barrier.off = !on;
            return (barrier, None);
        }
        let Kind::Table(_) = value.node().kind else {
            value.wrong_type("a table or false");
            return (barrier, None);
        };
        let Some(mut table) = value.table() else {
            return (barrier, None);
        };
        let instance = barrier.read_ensemble(&mut table);
        let rounds = table
            .get("rounds")
            .and_then(|value| value.integer(1..=10_000));
        barrier.rounds = rounds.unwrap_or(barrier.rounds);
        let mut duration = |key, usual, bounds| {
            let parse = |text: &str| parse_duration_within(text, bounds);
            let read = table.get(key).and_then(|value| value.parse(parse));
            read.unwrap_or(usual)
        };
        let bounds = Duration::from_millis(10)..=Duration::from_hours(1);
        barrier.interval = duration("interval", barrier.interval, bounds);
        let bounds = Duration::from_secs(1)..=Duration::from_hours(7 * 24);
        barrier.timeout = duration("timeout", barrier.timeout, bounds);
        let selectors = table
            .get("seen-from")
            .and_then(|value| value.one_or_more_texts());
        let places = select(&selectors.unwrap_or_default(), inventory);
        let machines = places
            .iter()
            .filter_map(|place| inventory.machines.get(*place));
        barrier.seen_from = machines.map(|machine| machine.name.clone()).collect();
        if barrier.interval.saturating_mul(barrier.rounds) > barrier.timeout {
            let problem = Problem::new("`timeout` is over before `rounds` could be held");
            let spent = format!("{} times {:?}", barrier.rounds, barrier.interval);
            table.reject(problem.label(format!("{spent} is more than {:?}", barrier.timeout)));
        }
        table.finish();
        (barrier, instance)
    }

    fn read_ensemble<'a>(&mut self, table: &mut Table<'a>) -> Option<Text<'a>> {
        let instance = table.get("ensemble");
        let servers = table.get("servers");
        if let (Some(_), Some(servers)) = (&instance, &servers) {
            let problem = Problem::new("`ensemble` and `servers` are two ensembles");
            servers.reject(problem.help("leave out the one that is not meant"));
        }
        if let Some(servers) = servers {
            self.ensemble = read_servers(&servers).map(Ensemble::Servers);
        }
        let text = instance?.text()?;
        self.ensemble = text.parse(InstanceName::new).map(Ensemble::Instance);
        self.ensemble.is_some().then_some(text)
    }
}

fn read_servers(value: &Value<'_>) -> Option<Servers> {
    let texts = value.texts()?;
    let mut list: Vec<Server> = Vec::new();
    let mut seen = BTreeSet::new();
    for text in &texts {
        let Some(server) = text.parse(str::parse::<Server>) else {
            continue;
        };
        if seen.insert(server.clone()) {
            list.push(server);
        } else {
            text.reject(Problem::new(format!("`{server}` is listed twice")));
        }
    }
    if texts.is_empty() {
        let problem = Problem::new("an ensemble has at least one server");
        value.reject(problem.help("write `servers = [\"10.0.0.1:2181\"]`"));
    }
    let chroot = None;
    (!list.is_empty()).then_some(Servers { list, chroot })
}
