//! A change that goes through the members of a module a few at a time.
//!
//! First every member is asked whether it would change at all: a run that finds everything as it
//! should be costs nothing more. Those that serve nobody are changed at once, so that founding a
//! cluster waits for nothing. The others are taken as the rule says, each of them healthy again
//! before the next.

mod slot;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use cellhost_effects::Hook;
use cellhost_plan::{MachineName, Rolling, spoken};
use cellhost_runtime::Member;
use tokio::task::{Id, JoinSet};

use crate::gate::{Gate, Health, Paused};
use crate::passage::Passage;
use crate::roll::{Next, Roll};
use crate::turn::{Foreseen, Played};
use crate::{Row, Status};

use slot::Slot;

/// About how often all members are asked how they are while slots are taken again and again.
const LOOKS: usize = 32;
/// How long a member has to be seen down before it counts as serving nobody.
const PROOF: Duration = Duration::from_secs(10);

impl Passage {
    /// Applies these members by a rule.
    pub(crate) async fn roll(&self, rule: &Rolling, members: &[Arc<Member>]) -> Vec<Played> {
        self.ground.enter(&self.placed, &self.view);
        let (mut played, changing) = self.foresee(members).await;
        if changing.is_empty() {
            return played;
        }
        let down = self.lastingly_down(&changing).await;
        let is_down = |member: &Arc<Member>| down.contains(&member.name);
        let (down, standing): (Vec<_>, Vec<_>) = changing.into_iter().partition(is_down);
        played.extend(self.everywhere(Hook::Apply, &down).await);
        let mut change = Change::new(self, rule, &standing);
        if let Some(why) = self.stopped_by(&played) {
            change.stop(&why);
        }
        change.go().await;
        played.extend(change.played);
        played
    }

    /// Those that are done, and those that would change.
    async fn foresee(&self, members: &[Arc<Member>]) -> (Vec<Played>, Vec<Arc<Member>>) {
        let ask = |passage: Self, machine| async move {
            let view = passage.view.clone();
            let stage = &passage.ground.stage;
            stage.foresee(&passage.placed, view, machine).await
        };
        let mut played = Vec::new();
        let mut changing = BTreeSet::new();
        for (machine, told) in self.each(members, ask).await {
            match told {
                Ok(Foreseen::Done(done)) => played.push(done),
                Ok(Foreseen::Change) => drop(changing.insert(machine)),
                Err(panic) => {
                    played.push(Played::lost(&self.placed.usage.name, Hook::Apply, &panic));
                }
            }
        }
        let changing = members.iter().filter(|one| changing.contains(&one.name));
        (played, changing.cloned().collect())
    }

    /// Those of these members that serve nobody, and not for a moment only: while a cluster elects
    /// a leader, all of its members look down. Newcomers have never served anybody, nor has a
    /// cluster that is yet to be founded.
    async fn lastingly_down(&self, members: &[Arc<Member>]) -> BTreeSet<MachineName> {
        let mut gate: Option<Gate> = None;
        let mut down: Vec<Arc<Member>> = members.to_vec();
        loop {
            let health = self.health(&down).await;
            // Who cannot be asked may well serve.
            down.retain(|member| matches!(health.get(&member.name), Some(Health::Down(_))));
            if !self.placed.founded && down.len() == self.placed.members.len() {
                break;
            }
            let newcomers = &self.placed.newcomers;
            let mut served = down
                .iter()
                .filter(|member| !newcomers.contains(&member.name));
            let Some(first) = served.next() else { break };
            let begin = || self.ground.stage.gate(&self.placed, &first.name);
            let gate = gate.get_or_insert_with(begin);
            let why = format!("whether {} stays down", first.name);
            if gate.waited() >= PROOF || gate.pause(&why, PROOF).await != Paused::Really {
                break;
            }
        }
        if let Some(gate) = gate {
            gate.end(Status::Unchanged);
        }
        down.into_iter().map(|member| member.name.clone()).collect()
    }

    /// How members are.
    async fn health(&self, members: &[Arc<Member>]) -> BTreeMap<MachineName, Health> {
        let ask = |passage: Self, machine| async move {
            let view = passage.view.clone();
            let stage = &passage.ground.stage;
            stage.health(&passage.placed, view, machine).await
        };
        let told = self.each(members, ask).await.into_iter();
        let lost = |panic| Health::Lost(format!("its turn was lost: {panic}"));
        told.map(|(machine, told)| (machine, told.unwrap_or_else(lost)))
            .collect()
    }
}

/// A rolling change on its way.
struct Change<'a> {
    passage: &'a Passage,
    rule: &'a Rolling,
    roll: Roll,
    slots: JoinSet<Slot>,
    names: HashMap<Id, MachineName>,
    /// Those that were taken, in that order.
    taken: Vec<Arc<Member>>,
    order: Vec<MachineName>,
    down: BTreeMap<MachineName, String>,
    /// How many were taken since everybody was asked.
    since: usize,
    /// Where it waits until more members are up.
    gate: Option<Gate>,
    /// Whether nobody waits here: then what would be waited for is only told.
    supposes: bool,
    warnings: Vec<String>,
    stopped: Option<String>,
    played: Vec<Played>,
}

impl<'a> Change<'a> {
    fn new(passage: &'a Passage, rule: &'a Rolling, members: &[Arc<Member>]) -> Self {
        let changing = members
            .iter()
            .map(|member| (member.name.clone(), member.zone.clone()));
        Self {
            passage,
            rule,
            roll: Roll::new(rule, passage.placed.members.len(), changing),
            slots: JoinSet::new(),
            names: HashMap::new(),
            taken: Vec::new(),
            order: Vec::new(),
            down: BTreeMap::new(),
            since: 0,
            gate: None,
            supposes: false,
            warnings: Vec::new(),
            stopped: None,
            played: Vec::new(),
        }
    }

    async fn go(&mut self) {
        loop {
            if self.roll.may_begin() && self.is_due() {
                self.look().await;
            }
            let down = self.down.keys().cloned().collect();
            match self.roll.next(&self.order, &down) {
                Next::Take(machine) => self.take(machine),
                Next::Await => self.await_one().await,
                Next::Watch => self.watch().await,
                Next::Blocked(machine) => self.hold_back(&machine, &down).await,
                Next::Over => break,
            }
        }
        let why = self.stopped.take().unwrap_or_default();
        let left = self.roll.left();
        let left = left.map(|machine| self.passage.passed_over(Hook::Apply, machine, &why));
        self.played.extend(left);
    }

    /// Takes nobody any more; the first reason counts.
    fn stop(&mut self, why: &str) {
        let why = || format!("not taken: {why}");
        self.stopped.get_or_insert_with(why);
        self.roll.end();
    }

    fn is_due(&self) -> bool {
        let members = self.passage.placed.members.len();
        self.slots.is_empty() || self.since >= members.div_ceil(LOOKS)
    }

    /// Asks all members that are not being changed how they are, and in which order to go on.
    async fn look(&mut self) {
        self.since = 0;
        let members = self.passage.placed.members.iter();
        let others = members.filter(|member| !self.roll.is_under_way(&member.name));
        let others: Vec<Arc<Member>> = others.cloned().collect();
        let health = self.passage.health(&others).await;
        if health.values().any(|health| *health == Health::Interrupted) {
            return self.stop("interrupted");
        }
        let newcomers = &self.passage.placed.newcomers;
        let outage = |(machine, health): (MachineName, Health)| {
            // Nobody counts on a member yet that was never there.
            if newcomers.contains(&machine) {
                return None;
            }
            let why = health.outage()?.to_owned();
            Some((machine, why))
        };
        self.down = if self.supposes {
            BTreeMap::new()
        } else {
            health.into_iter().filter_map(outage).collect()
        };
        let (placed, view) = (&self.passage.placed, self.passage.view.clone());
        match self.passage.ground.stage.order(placed, view).await {
            Ok(ordinals) => {
                let named = |ordinal: u32| {
                    let mut members = placed.members.iter();
                    members.find(|member| member.ordinal == ordinal)
                };
                let ordered = ordinals.into_iter().filter_map(named);
                // Whoever the module does not name comes behind, by ordinal.
                let ordered = ordered.chain(&placed.members);
                self.order = ordered.map(|member| member.name.clone()).collect();
            }
            Err(status) => {
                let mut played = Played::failed(&placed.usage.name, Hook::Order, "");
                played.row.status = status;
                self.played.push(played);
                self.stop("the module gave no order");
            }
        }
    }

    fn take(&mut self, machine: MachineName) {
        if let Some(gate) = self.gate.take() {
            gate.end(Status::Unchanged);
        }
        let members = &self.passage.placed.members;
        self.taken
            .extend(members.iter().find(|one| one.name == machine).cloned());
        let slot = slot::fill(self.passage.clone(), self.rule.patience, machine.clone());
        let task = self.slots.spawn(slot);
        self.names.insert(task.id(), machine);
        self.since += 1;
    }

    /// Waits until one of those under way is through.
    async fn await_one(&mut self) {
        let Some(ended) = self.slots.join_next_with_id().await else {
            return self.stop("a member was lost; this is a bug of cellhost");
        };
        let (id, slot) = match ended {
            Ok((id, slot)) => (id, slot),
            Err(panic) => {
                let lost = Played::lost(&self.passage.placed.usage.name, Hook::Apply, &panic);
                (panic.id(), Slot::Through(vec![lost]))
            }
        };
        let Some(machine) = self.names.remove(&id) else {
            return;
        };
        match slot {
            Slot::Late => {
                let at = self.taken.iter().position(|one| one.name == machine);
                let late = at.map(|at| self.taken.remove(at));
                let zone = late.and_then(|member| member.zone.clone());
                self.roll.put_back(&machine, zone);
            }
            Slot::Through(played) => self.conclude(&machine, played),
        }
    }

    fn conclude(&mut self, machine: &MachineName, mut played: Vec<Played>) {
        self.roll.ended(machine);
        if let Some(first) = played.first_mut() {
            first.row.warnings.append(&mut self.warnings);
        }
        let bad = played.iter().any(|one| !one.row.status.is_good());
        if bad {
            // Until it says otherwise.
            let why = "its change failed".to_owned();
            self.down.insert(machine.clone(), why);
        }
        if bad && self.roll.is_trying() {
            self.stop(&format!("the canary {machine} failed"));
        } else if let Some(why) = self.passage.ground.budget.exceeded() {
            self.stop(&why);
        } else if self.passage.stopped_by(&played).is_some() {
            let skipped = |one: &Played| matches!(one.row.status, Status::Skipped(_));
            let how = if played.iter().any(skipped) {
                "was interrupted"
            } else {
                "failed"
            };
            self.stop(&format!("{machine} {how}"));
        }
        self.played.extend(played);
    }

    /// Watches the canaries for as long as the rule says.
    async fn watch(&mut self) {
        self.roll.canaries_held();
        let Some(first) = self.taken.first() else {
            return;
        };
        let (ground, placed) = (&self.passage.ground, &self.passage.placed);
        let mut gate = ground.stage.gate(placed, &first.name);
        let names: Vec<&str> = self.taken.iter().map(|one| one.name.as_str()).collect();
        let why = format!("watching {} before the rest", names.join(", "));
        while gate.waited() < self.rule.pause {
            match gate.pause(&why, self.rule.pause).await {
                Paused::Really => {}
                Paused::Supposedly => break,
                Paused::Broken => {
                    let status = Status::Skipped("interrupted".to_owned());
                    return self.fail(gate, status, "interrupted");
                }
            }
            let health = self.passage.health(&self.taken).await.into_iter();
            let mut bad = health.filter_map(|(machine, health)| {
                let complaint = health.complaint()?;
                Some(format!("{machine} did not stay healthy: {complaint}"))
            });
            if let Some(words) = bad.next() {
                return self.fail(gate, Status::Failed(words.clone()), &words);
            }
        }
        gate.end(Status::Unchanged);
    }

    /// Waits a little until more members are up; at the end of patience, gives up.
    async fn hold_back(&mut self, machine: &MachineName, down: &BTreeSet<MachineName>) {
        let words = self.shortage(machine, down);
        let (ground, placed) = (&self.passage.ground, &self.passage.placed);
        let gate = self.gate.take();
        let mut gate = gate.unwrap_or_else(|| ground.stage.gate(placed, machine));
        if gate.waited() >= self.rule.patience {
            return self.fail(gate, Status::Failed(words.clone()), &words);
        }
        match gate.pause(&words, self.rule.patience).await {
            Paused::Really => self.gate = Some(gate),
            Paused::Broken => {
                let status = Status::Skipped("interrupted".to_owned());
                self.fail(gate, status, "interrupted");
            }
            Paused::Supposedly => {
                let patience = spoken(self.rule.patience);
                let warning = format!("{words}. A run would wait for that, up to {patience}");
                self.warnings.push(warning);
                self.supposes = true;
                gate.end(Status::Unchanged);
            }
        }
    }

    fn shortage(&self, machine: &MachineName, down: &BTreeSet<MachineName>) -> String {
        let outages = self.down.iter();
        let outages = outages.map(|(name, why)| format!("{name} is down ({why})"));
        let names: Vec<&str> = self.down.keys().map(MachineName::as_str).collect();
        format!(
            "{}; taking {machine} as well would leave {} of {}; heal {} first",
            outages.collect::<Vec<_>>().join(", "),
            self.roll.leaves(machine, down),
            self.passage.placed.members.len(),
            names.join(", "),
        )
    }

    fn fail(&mut self, gate: Gate, status: Status, why: &str) {
        let row: Option<Row> = gate.end(status);
        self.played.extend(row.map(Played::of));
        self.stop(why);
    }
}
