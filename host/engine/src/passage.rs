//! One module's way through a run: its machines, its founding, and those that leave.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cellhost_effects::Hook;
use cellhost_plan::{InstanceName, MachineName, Unreachable};
use cellhost_runtime::{CellView, Member};
use tokio::task::{JoinError, JoinSet};

use crate::event::Event;
use crate::gate::{Gate, Paused};
use crate::ground::Ground;
use crate::turn::Played;
use crate::{Placed, Row, Status};

/// One module on its way.
#[derive(Clone)]
pub(crate) struct Passage {
    pub(crate) ground: Ground,
    pub(crate) placed: Arc<Placed>,
    pub(crate) view: Arc<CellView>,
}

/// What came of one module.
pub(crate) struct Passed {
    pub(crate) module: InstanceName,
    /// Whether those that wait for it may begin.
    pub(crate) through: bool,
    pub(crate) rows: Vec<Row>,
    pub(crate) published: Vec<(String, String)>,
    pub(crate) took: Duration,
}

impl Passage {
    /// Applies a module to all of its members, forms it, and takes it off those that leave.
    pub(crate) async fn pass(self) -> Passed {
        let begun = Instant::now();
        let placed = &self.placed;
        let name = placed.usage.name.clone();
        let _ = self.ground.stage.events.send(Event::Module {
            module: name.clone(),
            version: placed.module.embedded().manifest.version.clone(),
            machines: placed.members.len(),
        });
        let mut played = self.apply(&placed.members).await;
        if let Unreachable::Wait(patience) = self.ground.unreachable {
            played = self.apply_again(played, patience).await;
        }
        if let Some(why) = self.unfinished(&played) {
            played.push(Played::skipped(&name, Hook::Form, &why));
        } else {
            let stage = &self.ground.stage;
            played.push(
                stage
                    .play(placed, self.view.clone(), Hook::Form, None)
                    .await,
            );
            if self.unfinished(&played).is_none() {
                played.extend(self.remove(&placed.leaving).await);
            }
        }
        Passed {
            module: name,
            through: self.unfinished(&played).is_none(),
            published: played
                .iter_mut()
                .flat_map(|one| std::mem::take(&mut one.published))
                .collect(),
            rows: played.into_iter().map(|one| one.row).collect(),
            took: begun.elapsed(),
        }
    }

    async fn apply(&self, members: &[Arc<Member>]) -> Vec<Played> {
        match &self.placed.rolling {
            Some(rule) => self.roll(rule, members).await,
            None => self.everywhere(Hook::Apply, members).await,
        }
    }

    /// Tries those that could not be reached again and again, for so long.
    async fn apply_again(&self, mut played: Vec<Played>, patience: Duration) -> Vec<Played> {
        let mut gate: Option<Gate> = None;
        loop {
            let lost = played.iter().filter(|one| is_lost(one));
            let lost: BTreeSet<MachineName> =
                lost.filter_map(|one| one.row.machine.clone()).collect();
            let members = self.placed.members.iter();
            let members = members
                .filter(|member| lost.contains(&member.name))
                .cloned();
            let members: Vec<Arc<Member>> = members.collect();
            let Some(first) = members.first() else { break };
            if self.stopped_by(&played).is_some() {
                break;
            }
            let begin = || self.ground.stage.gate(&self.placed, &first.name);
            let gate = gate.get_or_insert_with(begin);
            let names: Vec<&str> = lost.iter().map(MachineName::as_str).collect();
            let why = format!("{} cannot be reached", names.join(", "));
            if gate.waited() >= patience || gate.pause(&why, patience).await != Paused::Really {
                break;
            }
            gate.count(self.ground.attempt);
            played.retain(|one| !is_lost(one));
            played.extend(self.apply(&members).await);
        }
        if let Some(gate) = gate {
            gate.end(Status::Unchanged);
        }
        played
    }

    /// Takes the module off machines: one after the other where it rolls.
    async fn remove(&self, leaving: &[Arc<Member>]) -> Vec<Played> {
        if self.placed.rolling.is_none() {
            return self.everywhere(Hook::Remove, leaving).await;
        }
        let mut played = Vec::new();
        for member in leaving {
            let machine = &member.name;
            played.push(match self.stopped_by(&played) {
                Some(why) => self.passed_over(Hook::Remove, machine, &why),
                None => self.clone().turn(Hook::Remove, machine.clone()).await,
            });
        }
        played
    }

    /// Plays a turn on each of these machines.
    pub(crate) async fn everywhere(&self, hook: Hook, machines: &[Arc<Member>]) -> Vec<Played> {
        let turn = |passage: Self, machine| passage.turn(hook, machine);
        let ended = self.each(machines, turn).await.into_iter();
        // A panic is a bug of ours; it must not pass for success.
        let lost = |panic| Played::lost(&self.placed.usage.name, hook, &panic);
        ended
            .map(|(_, played)| played.unwrap_or_else(lost))
            .collect()
    }

    /// Does something for each of these machines, as many at once as the plan allows.
    pub(crate) async fn each<T, W>(
        &self,
        machines: &[Arc<Member>],
        work: impl Fn(Self, MachineName) -> W,
    ) -> Vec<(MachineName, Result<T, JoinError>)>
    where
        T: Send + 'static,
        W: Future<Output = T> + Send + 'static,
    {
        let mut tasks = JoinSet::new();
        let mut names = HashMap::new();
        for member in machines {
            let parallel = self.ground.parallel.clone();
            let work = work(self.clone(), member.name.clone());
            let task = tasks.spawn(async move {
                // Closed never; a failed permit would only mean one turn more at once.
                let _permit = parallel.acquire().await.ok();
                work.await
            });
            names.insert(task.id(), member.name.clone());
        }
        let mut told = Vec::new();
        while let Some(ended) = tasks.join_next_with_id().await {
            let (id, result) = match ended {
                Ok((id, value)) => (id, Ok(value)),
                Err(panic) => (panic.id(), Err(panic)),
            };
            told.extend(names.remove(&id).map(|name| (name, result)));
        }
        told
    }

    /// Plays a turn, unless too many machines have failed by now.
    pub(crate) async fn turn(self, hook: Hook, machine: MachineName) -> Played {
        if let Some(why) = self.ground.budget.exceeded() {
            return self.passed_over(hook, &machine, &why);
        }
        let (stage, view) = (&self.ground.stage, self.view.clone());
        let played = stage.play(&self.placed, view, hook, Some(machine)).await;
        self.forgives(&played.row);
        played
    }

    /// A turn that does not take place; why.
    pub(crate) fn passed_over(&self, hook: Hook, machine: &MachineName, why: &str) -> Played {
        let status = Status::Skipped(why.to_owned());
        Played::passed_over(&self.placed.usage.name, hook, machine, status)
    }

    /// Whether the module goes on whatever became of this turn.
    fn forgives(&self, row: &Row) -> bool {
        match (&row.status, &row.machine) {
            (Status::Unreachable(_), Some(_)) if self.ground.unreachable != Unreachable::Stop => {
                true
            }
            (Status::Failed(_) | Status::Unreachable(_), Some(machine)) => {
                self.ground.budget.forgives(machine)
            }
            (status, _) => status.is_good(),
        }
    }

    /// Why the module does not go on with further machines, where it does not.
    pub(crate) fn stopped_by(&self, played: &[Played]) -> Option<String> {
        if let Some(why) = self.ground.budget.exceeded() {
            return Some(why);
        }
        let bad = played.iter().filter(|one| !self.forgives(&one.row));
        let bad: BTreeSet<&str> = bad.map(|one| place(&one.row)).collect();
        let bad: Vec<&str> = bad.into_iter().collect();
        (!bad.is_empty()).then(|| format!("not all members were applied: {}", bad.join(", ")))
    }

    /// Why what comes behind its machines cannot begin, where it cannot.
    fn unfinished(&self, played: &[Played]) -> Option<String> {
        let waits = matches!(self.ground.unreachable, Unreachable::Wait(_));
        // Whoever was waited for in vain has failed.
        let failed = played.iter().filter(|one| waits && is_lost(one));
        let failed = failed.filter_map(|one| one.row.machine.as_ref());
        let mut failed = failed.filter(|machine| !self.ground.budget.forgives(machine));
        if let Some(machine) = failed.next() {
            return Some(format!("not all members were applied: {machine}"));
        }
        let none = || {
            let good = played.iter().any(|one| one.row.status.is_good());
            (!good).then(|| "none of its members was applied".to_owned())
        };
        self.stopped_by(played).or_else(none)
    }
}

fn is_lost(played: &Played) -> bool {
    matches!(played.row.status, Status::Unreachable(_)) && played.row.machine.is_some()
}

fn place(row: &Row) -> &str {
    row.machine.as_ref().map_or("form", MachineName::as_str)
}
