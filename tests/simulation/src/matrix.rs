//! The kill matrix: a run whose host dies with every one of its records, and what became of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use cellhost_effects::record::{Past, Record};

use crate::chance::Chance;
use crate::rule::{Rule, Violation};
use crate::run::{Order, run};
use crate::schedule::{compare, words};
use crate::shape::Shape;
use crate::tape::{Death, Manner};
use crate::trouble::Troubles;
use crate::world::World;

/// Every way in which a host dies.
pub const MANNERS: [Manner; 3] = [Manner::Killed, Manner::Torn, Manner::Power];

/// Where the matrix begins in its page.
const BEGIN: &str = "<!-- written by `cargo xtask crash-test --write`: simulated machines -->";
/// Where it ends.
const END: &str = "<!-- end: simulated machines -->";

/// What became of runs whose host died.
#[derive(Debug, Default)]
pub struct Matrix {
    /// How many effects the run has that is killed.
    pub effects: usize,
    /// How many records.
    pub records: usize,
    /// By the record with which the host died.
    pub rows: BTreeMap<String, Row>,
    /// What was not as it should be, with the place of the death.
    pub broken: Vec<(Death, Vec<Violation>)>,
}

/// What became of runs whose host died with records of one kind.
#[derive(Debug, Default, Clone)]
pub struct Row {
    /// At how many places.
    pub places: usize,
    /// How many changes were in doubt then.
    pub in_doubt: usize,
    /// How many of these were commands that a probe told about.
    pub verified: usize,
    /// How many of these were commands that a person was asked about.
    pub asked: usize,
    /// How many changes were sent once more, since nobody knew.
    pub again: usize,
    /// After how many deaths machines were as after an undisturbed run.
    pub equal: usize,
    /// How many changes with an outcome were sent once more.
    pub twice: usize,
}

/// Kills the host with one record, goes on, and tells what became of it.
pub async fn kill(shape: &Arc<Shape>, death: Death) -> Result<(String, Row, Vec<Violation>)> {
    let wanted = shape.undisturbed(0)?;
    let deployment = shape.deployment(0)?;
    // The chance of the rehearsal: with any other the barrier would wait longer or less, and the
    // record would have other places.
    let world = World::new(shape, None, Troubles::default(), Chance::new(0));
    let order = Order {
        death: Some(death),
        ..Order::default()
    };
    let first = run(&world, deployment, &order).await?;
    let (kind, verb) = first.tape.last();
    let mut row = Row {
        places: 1,
        ..Row::default()
    };
    if first.summary.is_some() && !first.tape.is_dead() {
        bail!("the run has no record {}", death.record);
    }
    let left = first.tape.bytes();
    let past = Past::of(&Record::parse(&left)?)?;
    let effects = past.turns().values().flat_map(|turn| turn.effects.values());
    row.in_doubt = effects.filter(|effect| effect.is_doubtful()).count();
    let order = Order {
        resumes: Some(left),
        ..Order::default()
    };
    let second = run(&world, deployment, &order).await?;
    let good = second
        .summary
        .as_ref()
        .is_some_and(cellhost_engine::Summary::is_good);
    if !good {
        world.object(Rule::Unhealed, words(second.summary.as_ref()));
    }
    compare(&world, wanted);
    let violations = world.violations();
    let broke = |rule| violations.iter().filter(|found| found.rule == rule).count();
    row.equal = usize::from(good && broke(Rule::Different) + broke(Rule::Stale) == 0);
    row.twice = broke(Rule::Twice);
    row.asked = world.questions();
    for line in &Record::parse(&second.tape.bytes())?.lines {
        let rule = line.body.get("rule").and_then(|rule| rule.as_str());
        let happened = line
            .body
            .get("happened")
            .is_some_and(|told| !told.is_null());
        row.verified += usize::from(line.kind == "doubt" && rule == Some("verify") && happened);
    }
    let mut sent: BTreeMap<(String, String), usize> = BTreeMap::new();
    for arrival in world.arrivals() {
        for thing in arrival.things {
            let looks = arrival.verb == "command" && thing.contains(" done ");
            *sent
                .entry((arrival.machine.to_string(), thing))
                .or_default() += usize::from(!looks);
        }
    }
    row.again = sent.values().filter(|count| **count > 1).count();
    let name = if verb.is_empty() {
        kind
    } else {
        format!("{kind} of {verb}")
    };
    Ok((name, row, violations))
}

impl Matrix {
    /// Adds what became of one death.
    pub fn add(&mut self, name: &str, death: Death, row: &Row, violations: Vec<Violation>) {
        let name = format!("{name} | {}", manner(death.manner));
        self.rows.entry(name).or_default().add(row);
        if !violations.is_empty() {
            self.broken.push((death, violations));
        }
    }

    /// Adds what became of others.
    pub fn merge(&mut self, other: Self) {
        for (name, row) in other.rows {
            self.rows.entry(name).or_default().add(&row);
        }
        self.broken.extend(other.broken);
        self.broken
            .sort_by_key(|(death, _)| (death.record, death.manner));
    }

    /// A page that has the matrix between its marks, with this one there instead.
    pub fn within(&self, page: &str) -> Result<String> {
        let lost = || format!("the page has no `{BEGIN}` before `{END}`");
        let (before, rest) = page.split_once(BEGIN).with_context(lost)?;
        let (_, after) = rest.split_once(END).with_context(lost)?;
        Ok(format!("{before}{BEGIN}\n{}{END}{after}", self.section()))
    }

    /// The matrix as a part of a page.
    fn section(&self) -> String {
        let mut page = format!(
            "A run of {} effects, with {} records, on simulated machines; the engine, the layers \
             and the modules\nare the real ones. Its host dies with every one of the records, in \
             each of three manners, and the run is\ngone on with. The host is a stand-in: all that \
             it has under way is dropped within the test's own process,\nand a request that was on \
             its way may arrive all the same.\n\n\
             - *killed*: what was written is there.\n\
             - *torn*: half of the last record is there.\n\
             - *power*: only what was made durable is there.\n\n\
             *In doubt* are changes without an outcome; *verified* those that a probe told about, \
             *asked* those that a\nperson was asked about, *again* things that came to a machine \
             twice because nobody knew. *Equal* counts the\ndeaths after which machines were, in \
             the end, as after an undisturbed run; *twice* counts changes with an\noutcome on \
             record that were sent once more.\n\n\
             | the last record | the host is | places | in doubt | verified | asked | again | equal \
             | twice |\n|---|---|---:|---:|---:|---:|---:|---:|---:|\n",
            self.effects, self.records
        );
        let mut whole = Row::default();
        for (name, row) in &self.rows {
            let _ = writeln!(page, "| {name} {}", row.cells());
            whole.add(row);
        }
        let _ = writeln!(page, "| all | {}", whole.cells());
        page
    }
}

impl Row {
    fn add(&mut self, other: &Self) {
        self.places += other.places;
        self.in_doubt += other.in_doubt;
        self.verified += other.verified;
        self.asked += other.asked;
        self.again += other.again;
        self.equal += other.equal;
        self.twice += other.twice;
    }

    fn cells(&self) -> String {
        let cells = [
            self.places,
            self.in_doubt,
            self.verified,
            self.asked,
            self.again,
            self.equal,
            self.twice,
        ];
        let cells: Vec<String> = cells.iter().map(usize::to_string).collect();
        format!("| {} |", cells.join(" | "))
    }
}

fn manner(manner: Manner) -> &'static str {
    match manner {
        Manner::Killed => "killed",
        Manner::Torn => "torn",
        Manner::Power => "power",
    }
}
