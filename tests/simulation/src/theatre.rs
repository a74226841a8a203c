//! Many schedules, on all processors.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result, anyhow};

use crate::chance::Chance;
use crate::matrix::{MANNERS, Matrix, kill};
use crate::mutation::Mutation;
use crate::rule::{Rule, Violation};
use crate::schedule::{Schedule, Told, rehearse};
use crate::shape::{Blueprint, Shape, Shelf};
use crate::tape::Death;
use crate::trouble::Trouble;

/// How many times in a row the barrier looks.
const ROUNDS: u32 = 3;
/// What plans say about the barrier.
const BARRIER: &str = "[barrier]\nensemble = \"quorum\"\nrounds = 3\n";

/// The cells that schedules are about.
const BLUEPRINTS: [Blueprint; 3] = [
    Blueprint {
        name: "three servers, one worker",
        servers: 3,
        workers: 1,
        shared: false,
        steps: 2,
        work: ", jobs = [\"ask\", \"again\"]",
        council: false,
        rounds: ROUNDS,
        quorum: "rolling = { at-once = 1 }",
        rest: BARRIER,
    },
    Blueprint {
        name: "three servers that are workers too",
        servers: 3,
        workers: 0,
        shared: true,
        steps: 1,
        work: ", jobs = [\"verify\"]",
        council: false,
        rounds: ROUNDS,
        quorum: "rolling = { at-once = 1 }",
        rest: BARRIER,
    },
    Blueprint {
        name: "two quorums on three machines, one worker",
        servers: 3,
        workers: 1,
        shared: false,
        steps: 1,
        work: ", jobs = [\"ask\"]",
        council: true,
        rounds: ROUNDS,
        quorum: "rolling = { at-once = 1 }",
        rest: BARRIER,
    },
];

/// The cell of the kill matrix.
const MATRIX: Blueprint = Blueprint {
    name: "the kill matrix",
    servers: 3,
    workers: 7,
    shared: true,
    steps: 10,
    work: "",
    council: false,
    rounds: ROUNDS,
    quorum: "rolling = { at-once = 1 }",
    rest: BARRIER,
};

/// The cell whose rolling change takes two at a time.
const GREEDY: Blueprint = Blueprint {
    name: "two at a time",
    quorum: "rolling = { at-once = 2 }",
    ..BLUEPRINTS[0]
};

/// The cells, ready.
pub struct Theatre {
    shelf: Shelf,
    shapes: Vec<Arc<Shape>>,
}

/// What came of many schedules.
#[derive(Debug, Default)]
pub struct Tally {
    /// How many there were.
    pub schedules: u64,
    /// How many runs they took.
    pub runs: u64,
    /// How many requests came to machines.
    pub requests: u64,
    /// How many of the first runs went well all the same.
    pub good: u64,
    /// How many the operator stopped.
    pub stopped: u64,
    /// In how many the host died.
    pub died: u64,
    /// How many runs went on with one before.
    pub resumed: u64,
    /// How many schedules were played twice, to see that they are the same.
    pub repeated: u64,
    /// How often each trouble was met.
    pub met: BTreeMap<Trouble, usize>,
    /// Seeds whose schedules broke rules.
    pub broken: Vec<(u64, Vec<Violation>)>,
}

impl Theatre {
    /// Loads modules, prepares cells, and lets undisturbed runs say what is right.
    pub fn open() -> Result<Self> {
        let shelf = Shelf::open()?;
        let shapes = BLUEPRINTS
            .iter()
            .map(|blueprint| prepare(blueprint, &shelf));
        let shapes = shapes.collect::<Result<_>>()?;
        Ok(Self { shelf, shapes })
    }

    /// Plays one seed with a host that is broken, where one is wanted. With `sum` records are
    /// hashed.
    pub fn play(&self, seed: u64, mutation: Option<Mutation>, sum: bool) -> Result<Told> {
        let shape = Chance::new(seed).branch().pick(&self.shapes).cloned();
        let shape = shape.context("there are no cells")?;
        play(&shape, seed, mutation, sum)
    }

    /// Plays so many seeds from one on.
    pub fn play_all(&self, first: u64, count: u64) -> Result<Tally> {
        let parts = everywhere(count, |number, tally: &mut Tally| {
            let seed = first.wrapping_add(number);
            let repeated = number % 100 == 0;
            let mut told = self.play(seed, None, repeated)?;
            if repeated {
                tally.repeated += 1;
                let again = self.play(seed, None, true)?;
                if again.sums != told.sums || again.arrivals != told.arrivals {
                    told.violations.push(Violation {
                        rule: Rule::Unrepeatable,
                        words: format!("{:?} and {:?}", told.sums, again.sums),
                        at: std::time::Duration::ZERO,
                    });
                }
            }
            tally.add(seed, told);
            Ok(())
        })?;
        let mut whole = Tally::default();
        for part in parts {
            whole.merge(part);
        }
        whole.broken.sort_by_key(|(seed, _)| *seed);
        Ok(whole)
    }

    /// Breaks hosts in every way, and tells for each which seed caught it, where one of so many did.
    pub fn catches_all(&self, seeds: u64) -> Result<BTreeMap<Mutation, Option<u64>>> {
        let count = Mutation::ALL.len();
        let parts = everywhere(count as u64, |number, caught: &mut BTreeMap<_, _>| {
            if let Some(mutation) = Mutation::ALL.get(usize::try_from(number)?) {
                caught.insert(*mutation, self.catches(*mutation, seeds)?);
            }
            Ok(())
        })?;
        Ok(parts.into_iter().flatten().collect())
    }

    /// Plays with a broken host until the rule that has to catch it does; the seed that did it,
    /// where one of so many did.
    pub fn catches(&self, mutation: Mutation, seeds: u64) -> Result<Option<u64>> {
        let greedy = match mutation {
            Mutation::GateTwo => {
                let shape = Arc::new(still(Shape::of(&GREEDY, &self.shelf))?);
                // Even undisturbed it does what it should not.
                still(rehearse(&shape, mutation.caught_by()))?;
                Some(shape)
            }
            _ => None,
        };
        let caught = |told: &Told| {
            let mut rules = told.violations.iter().map(|found| found.rule);
            rules.any(|rule| mutation.caught_by().contains(&rule))
        };
        for seed in 1..=seeds {
            let told = match &greedy {
                Some(shape) => play(shape, seed, Some(mutation), false)?,
                None => self.play(seed, Some(mutation), false)?,
            };
            // It counts only where a host that is not broken keeps the rule.
            if caught(&told) && !caught(&self.play(seed, None, false)?) {
                return Ok(Some(seed));
            }
        }
        Ok(None)
    }

    /// Kills the host of a long run with every one of its records, or with one in so many.
    pub fn matrix(&self, every: usize) -> Result<Matrix> {
        let shape = prepare(&MATRIX, &self.shelf)?;
        let undisturbed = shape.undisturbed(0)?;
        let (records, effects) = (undisturbed.records, undisturbed.effects);
        let places = (records * MANNERS.len()).div_ceil(every.max(1)) as u64;
        let parts = everywhere(places, |number, matrix: &mut Matrix| {
            let number = usize::try_from(number)? * every.max(1);
            let manner = MANNERS.get(number / records).copied();
            let death = Death {
                record: number % records,
                manner: manner.context("no such manner")?,
            };
            let (name, row, violations) =
                still(kill(&shape, death)).with_context(|| format!("{death:?}"))?;
            matrix.add(&name, death, &row, violations);
            Ok(())
        })?;
        let mut whole = Matrix {
            effects,
            records,
            ..Matrix::default()
        };
        for part in parts {
            whole.merge(part);
        }
        Ok(whole)
    }
}

fn prepare(blueprint: &Blueprint, shelf: &Shelf) -> Result<Arc<Shape>> {
    let shape = Arc::new(still(Shape::of(blueprint, shelf))?);
    still(rehearse(&shape, &[]))?;
    Ok(shape)
}

fn play(shape: &Arc<Shape>, seed: u64, mutation: Option<Mutation>, sum: bool) -> Result<Told> {
    let schedule = Schedule::of(seed, shape)?;
    let told = still(schedule.play(shape, mutation, sum));
    told.with_context(|| format!("seed {seed}"))
}

/// Does something for every number below one, on all processors, each with a tally of its own. The
/// first that fails ends all of it.
fn everywhere<T: Default + Send>(
    count: u64,
    work: impl Fn(u64, &mut T) -> Result<()> + Sync,
) -> Result<Vec<T>> {
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism()?.get();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut tally = T::default();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= count {
                            return Ok(tally);
                        }
                        if let Err(error) = work(number, &mut tally) {
                            next.store(count, Ordering::Relaxed);
                            return Err(error);
                        }
                    }
                })
            })
            .collect();
        let ended = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
        let ended = ended.map(|part| part.map_err(|_| anyhow!("a thread panicked"))?);
        ended.collect()
    })
}

impl Tally {
    fn add(&mut self, seed: u64, told: Told) {
        let mut own = Self {
            schedules: 1,
            runs: told.runs.len() as u64,
            requests: told.arrivals.len() as u64,
            good: u64::from(told.good),
            stopped: u64::from(told.stopped),
            died: u64::from(told.died),
            resumed: told.resumed,
            met: told.met,
            ..Self::default()
        };
        if !told.violations.is_empty() {
            own.broken.push((seed, told.violations));
        }
        self.merge(own);
    }

    fn merge(&mut self, other: Self) {
        self.schedules += other.schedules;
        self.runs += other.runs;
        self.requests += other.requests;
        self.good += other.good;
        self.stopped += other.stopped;
        self.died += other.died;
        self.resumed += other.resumed;
        self.repeated += other.repeated;
        for (trouble, count) in other.met {
            *self.met.entry(trouble).or_default() += count;
        }
        self.broken.extend(other.broken);
    }
}

/// Lets something happen on a clock of its own, which nobody waits for.
pub fn still<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    runtime.block_on(work)
}
