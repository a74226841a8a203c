//! Machines as they really are, and everything that happened to them.

mod ensemble;
mod leases;
mod quorums;
mod setting;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use cellhost_effects::record::{Past, Record};
use cellhost_plan::MachineName;
use cellhost_transport::{
    Dial, DialOutcome, Owner, Reply, Request, SimulatedFleet, SimulatedMachine, State,
};
use futures_util::FutureExt as _;
use tokio::time::Instant;

use crate::chance::Chance;
use crate::rule::{Rule, Violation};
use crate::shape::Shape;
use crate::tape::{Intent, Kind, Tape};
use crate::thing::{asked, completed, covers, things, verifies};
use crate::trouble::{Trouble, Troubles};

use leases::Leases;

pub use ensemble::{Ensemble, Hand, serving};
pub use quorums::Quorums;
pub use wire::Wires;

/// The machines of one schedule.
pub struct World {
    shape: Arc<Shape>,
    fleet: SimulatedFleet,
    inner: Mutex<Inner>,
}

/// What changes while time passes.
struct Inner {
    quorums: Arc<Mutex<Quorums>>,
    leases: Leases,
    chance: Chance,
    troubles: Troubles,
    exchanges: usize,
    met: BTreeMap<Trouble, usize>,
    tape: Tape,
    /// What every service last started with.
    started_with: BTreeMap<(MachineName, String), Option<Vec<u8>>>,
    frozen: BTreeMap<MachineName, Instant>,
    booting: BTreeMap<MachineName, Instant>,
    full: BTreeMap<MachineName, Instant>,
    /// Requests that left and have not come to their machine.
    under_way: BTreeMap<usize, (MachineName, Request)>,
    late: Vec<(MachineName, Request)>,
    tickets: usize,
    arrivals: Vec<Arrival>,
    violations: Vec<Violation>,
    begun: Instant,
    /// When the run under way was begun.
    run: Instant,
    /// How many answers in a row a barrier had of each server in which it served.
    seen_serving: BTreeMap<MachineName, u32>,
    /// Whether something behind the barrier was rightly touched in this run.
    held: bool,
    /// What the run that is gone on with has completed.
    completed: BTreeSet<(MachineName, String)>,
    /// The effects of this run whose command was sent.
    sent: BTreeSet<String>,
    /// The effects of this run of which a change came to its machine.
    changing: BTreeSet<String>,
    /// The commands of this run whose answer came back, with how many records there were then.
    answered: Vec<(String, usize)>,
    /// How often somebody was asked about a command in doubt.
    asked: usize,
    /// The commands about which nobody could say anything in this run.
    open: BTreeSet<(MachineName, Vec<String>)>,
}

/// A request that came to its machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// When, since the world began.
    pub at: Duration,
    /// Where.
    pub machine: MachineName,
    /// What it was about.
    pub things: Vec<String>,
    /// Its kind, in a word.
    pub verb: &'static str,
    /// What it met.
    pub trouble: Option<Trouble>,
    /// The effect that it belongs to, as the journal names it.
    pub effect: Option<String>,
}

impl std::fmt::Display for Arrival {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = self.at.as_secs_f64();
        write!(
            formatter,
            "{at:>9.3} s {:<5} {:<8}",
            self.machine, self.verb
        )?;
        formatter.write_str(&self.things.join(", "))?;
        if let Some(trouble) = self.trouble {
            write!(formatter, " !! {}", trouble.words())?;
        }
        match &self.effect {
            Some(effect) => write!(formatter, "   {effect}"),
            None => Ok(()),
        }
    }
}

impl World {
    /// Machines in these states, or fresh ones.
    pub fn new(
        shape: &Arc<Shape>,
        states: Option<&BTreeMap<MachineName, State>>,
        troubles: Troubles,
        mut chance: Chance,
    ) -> Arc<Self> {
        let mut quorums = Quorums::of(shape, &mut chance);
        if states.is_some() {
            quorums.found();
        }
        let quorums = Arc::new(Mutex::new(quorums));
        let machines = shape.machines.iter().map(|name| {
            let machine = SimulatedMachine::new(name.clone());
            match states.and_then(|states| states.get(name)) {
                Some(state) => *machine.state() = state.clone(),
                None => setting::furnish(&mut machine.state()),
            }
            setting::behave(&machine, shape, &quorums);
            machine
        });
        let now = Instant::now();
        let world = Self {
            shape: shape.clone(),
            fleet: SimulatedFleet::new(machines),
            inner: Mutex::new(Inner {
                quorums,
                leases: Leases::default(),
                chance,
                troubles,
                exchanges: 0,
                met: BTreeMap::new(),
                tape: Tape::default(),
                started_with: BTreeMap::new(),
                frozen: BTreeMap::new(),
                booting: BTreeMap::new(),
                full: BTreeMap::new(),
                under_way: BTreeMap::new(),
                late: Vec::new(),
                tickets: 0,
                arrivals: Vec::new(),
                violations: Vec::new(),
                begun: now,
                run: now,
                seen_serving: BTreeMap::new(),
                held: false,
                completed: BTreeSet::new(),
                sent: BTreeSet::new(),
                changing: BTreeSet::new(),
                answered: Vec::new(),
                asked: 0,
                open: BTreeSet::new(),
            }),
        };
        Arc::new(world)
    }

    /// The plan's part of it.
    pub fn shape(&self) -> &Arc<Shape> {
        &self.shape
    }

    /// Begins a run that writes this tape, or goes on with the one on record. Returns who takes
    /// leases for it.
    pub fn begin(&self, tape: &Tape, record: &Record) -> Result<Owner> {
        let mut inner = self.inner();
        inner.tape = tape.clone();
        inner.completed = completed(&Past::of(record)?);
        inner.sent.clear();
        inner.changing.clear();
        inner.answered.clear();
        inner.open.clear();
        if record.lines.is_empty() {
            inner.run = Instant::now();
            inner.seen_serving.clear();
            inner.held = false;
        }
        Ok(inner.leases.begin())
    }

    /// Ends trouble, and waits until whatever it left is over.
    pub async fn heal(&self) {
        self.inner().troubles = Troubles::default();
        tokio::time::sleep(Duration::from_mins(10)).await;
        self.catch_up();
    }

    /// What the run of a host that is no more left on its way: chance says whether it arrives.
    pub fn abandon(&self) {
        let left = std::mem::take(&mut self.inner().under_way);
        for (machine, request) in left.into_values() {
            let arrives = self.inner().chance.once_in(2);
            if arrives {
                self.deliver(&machine, request);
            }
        }
    }

    /// Holds what is left of the record of a run against what came to machines in it.
    pub fn check(&self) {
        let mut inner = self.inner();
        let intents = inner.tape.left(Kind::Intent);
        let outcomes = inner.tape.left(Kind::Outcome);
        let lost: Vec<String> = inner.changing.difference(&intents).cloned().collect();
        for effect in lost {
            let words = format!("{effect} came to its machine, and nothing is left on record");
            inner.object(Rule::Unjournaled, words);
        }
        // The very next record is the outcome, and may be the one that was torn.
        let written = inner.tape.records().saturating_sub(1);
        let answered = inner.answered.iter().filter(|(_, at)| *at < written);
        let lost: Vec<String> = answered
            .filter(|(effect, _)| !outcomes.contains(effect))
            .map(|(effect, _)| effect.clone())
            .collect();
        for effect in lost {
            let words = format!("{effect} was answered, and nobody knows that any more");
            inner.object(Rule::Twice, words);
        }
    }

    /// The answer to a command came back to the host.
    fn answered(&self, effect: String) {
        let mut inner = self.inner();
        let at = inner.tape.records();
        inner.answered.push((effect, at));
    }

    /// Somebody was asked about a command in doubt.
    pub fn asked(&self) {
        self.inner().asked += 1;
    }

    /// Nobody could say anything about a command in doubt.
    pub fn left_open(&self, machine: &MachineName, argv: &[String]) {
        let left = (machine.clone(), argv.to_vec());
        self.inner().open.insert(left);
    }

    /// Whether the last run left commands in doubt.
    pub fn has_open(&self) -> bool {
        !self.inner().open.is_empty()
    }

    /// How often that was.
    pub fn questions(&self) -> usize {
        self.inner().asked
    }

    /// Whether a command has done what it does.
    pub fn is_done(&self, machine: &MachineName, argv: &[String]) -> bool {
        let machine = self.machine(machine);
        machine.is_some_and(|machine| setting::is_done(&machine.state(), argv))
    }

    /// A machine.
    pub fn machine(&self, name: &MachineName) -> Option<&Arc<SimulatedMachine>> {
        self.fleet.machine(name.as_str())
    }

    /// Every machine's state.
    pub fn states(&self) -> BTreeMap<MachineName, State> {
        let machines = self.fleet.machines();
        machines
            .map(|machine| (machine.name().clone(), machine.state().clone()))
            .collect()
    }

    /// What came to machines so far.
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.inner().arrivals.clone()
    }

    /// How many exchanges there were.
    pub fn exchanges(&self) -> usize {
        self.inner().exchanges
    }

    /// How often each trouble was met.
    pub fn met(&self) -> BTreeMap<Trouble, usize> {
        self.inner().met.clone()
    }

    /// Takes note of a rule that was broken.
    pub fn object(&self, rule: Rule, words: impl Into<String>) {
        self.inner().object(rule, words.into());
    }

    /// The rules that were broken.
    pub fn violations(&self) -> Vec<Violation> {
        self.inner().violations.clone()
    }

    /// Services that run with another configuration than the one that stands.
    pub fn stale(&self) -> Vec<String> {
        let inner = self.inner();
        let started = inner.started_with.iter();
        started
            .filter(|((name, service), with)| {
                let Some(machine) = self.machine(name) else {
                    return false;
                };
                let state = machine.state();
                let stands = state.read(&setting::configuration(service));
                let runs = state.service(service).is_some_and(|found| found.running);
                runs && stands != with.as_deref()
            })
            .map(|((name, service), _)| format!("{service} on {name}"))
            .collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request leaves the host: the journal has to speak of it already.
    fn leave(&self, machine: &MachineName, request: &Request) -> Option<usize> {
        let mut inner = self.inner();
        if inner.tape.is_dead() {
            return None;
        }
        let ticket = inner.tickets;
        inner.tickets += 1;
        let kept = (machine.clone(), request.clone());
        inner.under_way.insert(ticket, kept);
        Some(ticket)
    }

    /// A request comes to its machine; whose effect it is.
    fn judge(
        &self,
        machine: &MachineName,
        request: &Request,
        trouble: Option<Trouble>,
    ) -> Option<Intent> {
        let mut inner = self.inner();
        let names = things(request);
        for name in &names {
            let known = self.shape.expected(machine, name);
            if !known {
                inner.object(Rule::OffPlan, format!("{name} on {machine}"));
            }
        }
        if !self.shape.used.contains(machine) {
            inner.object(Rule::OffPlan, format!("something was asked of {machine}"));
        }
        if names.is_empty() {
            return None;
        }
        let tape = inner.tape.clone();
        let open = tape.open(machine.as_str(), |intent| covers(intent, request));
        let Some(intent) = open else {
            let words = format!("{} on {machine}", names.join(", "));
            inner.object(Rule::Unjournaled, words);
            return None;
        };
        if self.shape.behind_barrier.contains(&intent.module) {
            self.judge_barrier(&mut inner, &intent);
        }
        for name in names {
            if inner.completed.contains(&(machine.clone(), name.clone())) {
                let words = format!("{name} on {machine} is on record and was sent once more");
                inner.object(Rule::Twice, words);
            }
        }
        let command = matches!(asked(request), Request::Command(_)) && intent.verb == "run";
        // What is known not to have arrived may be sent again; the command that verifies another
        // changes nothing.
        let arrived = trouble != Some(Trouble::Before);
        let own = command && arrived && !verifies(&intent, request);
        if let Request::Command(command) = asked(request)
            && inner
                .open
                .contains(&(machine.clone(), command.argv.clone()))
        {
            let words = format!("{} on {machine}", command.argv.join(" "));
            inner.object(Rule::Undecided, words);
        }
        if intent.verb == "ensure" || own {
            inner.changing.insert(intent.effect.clone());
        }
        if own && !inner.sent.insert(intent.effect.clone()) {
            let words = format!("{} was sent twice", intent.effect);
            inner.object(Rule::Twice, words);
        }
        Some(intent)
    }

    /// Before anything behind it is touched, most servers have to have said often enough that they
    /// serve, with a quorum there at that time.
    fn judge_barrier(&self, inner: &mut Inner, intent: &Intent) {
        if inner.held || self.shape.rounds == 0 {
            return;
        }
        let majority = inner.quorums().first().map_or(0, |first| first.majority());
        let often = inner
            .seen_serving
            .values()
            .filter(|count| **count >= self.shape.rounds);
        inner.held = often.count() >= majority && inner.quorum_in_run().is_some();
        if !inner.held {
            let words = format!(
                "{} of `{}` on {}; servers had answered {:?}",
                intent.verb, intent.module, intent.machine, inner.seen_serving
            );
            inner.object(Rule::Barrier, words);
        }
    }

    /// What a barrier got to hear from a server.
    fn heard(&self, machine: &MachineName, dial: &Dial, reply: Option<&Reply>) {
        let mut inner = self.inner();
        let gate = inner.tape.open(machine.as_str(), |intent| {
            let address = intent.asked.get("address").and_then(|word| word.as_str());
            intent.hook == "gate" && address == Some(dial.address.as_str())
        });
        let target = self.shape.addresses.get(&dial.address);
        let (Some(_), Some(target)) = (gate, target) else {
            return;
        };
        // Who could not be asked from one machine is asked from another.
        let Some(Reply::Dialed(outcome)) = reply else {
            return;
        };
        let serves = matches!(outcome, DialOutcome::Bytes(bytes)
            if String::from_utf8_lossy(bytes).contains("Mode: "));
        let count = inner.seen_serving.entry(target.clone()).or_default();
        *count = if serves { *count + 1 } else { 0 };
    }

    /// Carries a request to its machine past all trouble, as what was on its way is.
    fn deliver(&self, name: &MachineName, request: Request) {
        use cellhost_transport::Courier as _;
        let Some(machine) = self.machine(name) else {
            return;
        };
        self.noted(name, &request, None, None);
        let before = setting::services(&machine.state());
        let _ = machine.exchange(request).now_or_never();
        self.compare(name, &before, Hand::Ours);
    }

    fn noted(
        &self,
        machine: &MachineName,
        request: &Request,
        trouble: Option<Trouble>,
        effect: Option<String>,
    ) {
        let mut inner = self.inner();
        let at = inner.begun.elapsed();
        inner.arrivals.push(Arrival {
            at,
            machine: machine.clone(),
            things: things(request),
            verb: wire::verb(request),
            trouble,
            effect,
        });
    }

    /// Tells the ensemble what became of its server, and remembers what services started with.
    fn compare(&self, name: &MachineName, before: &setting::Services, hand: Hand) {
        let Some(machine) = self.machine(name) else {
            return;
        };
        let after = setting::services(&machine.state());
        let mut inner = self.inner();
        for (service, after) in &after {
            let before = before.get(service).copied().unwrap_or_default();
            let started = after.starts != before.starts && after.running;
            if started {
                let with = machine
                    .state()
                    .read(&setting::configuration(service))
                    .map(<[u8]>::to_vec);
                inner
                    .started_with
                    .insert((name.clone(), service.clone()), with);
            }
            if before.running && (started || !after.running) {
                self.judge_outage(&mut inner, service, name, hand);
            }
            if started {
                inner.join(name, service);
            }
        }
    }

    /// A server goes down: neither too many of its quorum may be, nor another one on its machine.
    fn judge_outage(&self, inner: &mut Inner, service: &str, name: &MachineName, hand: Hand) {
        let (down, other) = {
            let mut quorums = inner.quorums();
            let Some(ensemble) = quorums.named(service) else {
                return;
            };
            let takes = ensemble.serves(name) && hand == Hand::Ours;
            let down = ensemble.stopped(name, hand);
            let other = quorums.other_down(service, name).filter(|_| takes);
            (down.filter(|_| self.shape.rolls), other)
        };
        if let Some(down) = down {
            let names: Vec<&str> = down.iter().map(MachineName::as_str).collect();
            let words = format!("down by our own hand at once: {}", names.join(", "));
            inner.object(Rule::Quorum, words);
        }
        if let Some(other) = other.filter(|_| self.shape.rolls) {
            let words = format!("{service} on {name} while {other} is down there");
            inner.object(Rule::Together, words);
        }
    }

    /// Lets happen what time brought to machines.
    fn catch_up(&self) {
        let now = Instant::now();
        let (thawed, booted) = {
            let mut inner = self.inner();
            let over: Vec<MachineName> = inner
                .full
                .iter()
                .filter(|(_, end)| **end <= now)
                .map(|(name, _)| name.clone())
                .collect();
            for name in over {
                inner.full.remove(&name);
                if let Some(machine) = self.machine(&name) {
                    machine.state().full = false;
                }
            }
            for name in inner.leases.over(now) {
                if let Some(machine) = self.machine(&name) {
                    leases::leave(&mut machine.state());
                }
            }
            (due(&mut inner.frozen, now), due(&mut inner.booting, now))
        };
        for name in thawed {
            for service in self.servers_that_run(&name) {
                self.inner().join(&name, service);
            }
            let late = std::mem::take(&mut self.inner().late);
            let (own, others) = late.into_iter().partition(|(machine, _)| *machine == name);
            self.inner().late = others;
            let own: Vec<(MachineName, Request)> = own;
            for (machine, request) in own {
                self.deliver(&machine, request);
            }
        }
        for name in booted {
            if let Some(machine) = self.machine(&name) {
                let before = setting::services(&machine.state());
                machine.state().reboot();
                self.compare(&name, &before, Hand::Fate);
            }
        }
    }

    fn servers_that_run(&self, name: &MachineName) -> Vec<&'static str> {
        let Some(machine) = self.machine(name) else {
            return Vec::new();
        };
        let state = machine.state();
        let runs = |server: &&str| state.service(server).is_some_and(|found| found.running);
        setting::SERVERS.into_iter().filter(runs).collect()
    }
}

impl Inner {
    fn quorums(&self) -> MutexGuard<'_, Quorums> {
        self.quorums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A server that runs becomes one of its quorum. One that its package started, before there
    /// was anything to tell it who the others are, is nobody's member.
    fn join(&self, name: &MachineName, service: &str) {
        let key = (name.clone(), service.to_owned());
        let alone = self.started_with.get(&key).is_some_and(Option::is_none);
        if !alone && let Some(ensemble) = self.quorums().named(service) {
            ensemble.started(name);
        }
    }

    fn object(&mut self, rule: Rule, words: String) {
        let at = self.begun.elapsed();
        self.violations.push(Violation { rule, words, at });
    }

    /// When there last was a quorum, if that was in this run.
    fn quorum_in_run(&self) -> Option<Instant> {
        let last = self.quorums().first()?.last_held()?;
        (last >= self.run).then_some(last)
    }
}

/// Takes out what is due.
fn due(times: &mut BTreeMap<MachineName, Instant>, now: Instant) -> BTreeSet<MachineName> {
    let over: BTreeSet<MachineName> = times
        .iter()
        .filter(|(_, end)| **end <= now)
        .map(|(name, _)| name.clone())
        .collect();
    times.retain(|_, end| *end > now);
    over
}
