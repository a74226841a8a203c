//! One turn: a hook called, watched and judged.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cellhost_effects::{Certainty, Effects, Ending, Hook};
use cellhost_plan::{InstanceName, MachineName};
use cellhost_runtime::{CellView, Condition, Fault, TurnError, Turned};

use tokio::sync::mpsc;
use tokio::task::JoinError;

use crate::deployment::Call;
use crate::event::{Event, Events, Happening};
use crate::gate::{Gate, Health};
use crate::witness::Witness;
use crate::{Placed, Row, Status, Tally};

/// What a turn needs from its run.
#[derive(Clone)]
pub(crate) struct Stage {
    effects: Arc<dyn Effects>,
    pub(crate) events: Events,
    rounds: Arc<Mutex<Rounds>>,
    /// How sure it is what modules have published.
    published: Arc<Mutex<BTreeMap<InstanceName, Certainty>>>,
    /// Whether what is removed takes its data along.
    purge: bool,
}

/// How many turns each hook had so far, by module and machine.
type Rounds = BTreeMap<(InstanceName, Hook, Option<MachineName>), u32>;

/// How a turn went, and what it published.
pub(crate) struct Played {
    pub(crate) row: Row,
    /// Whether it was ended where it would have changed something.
    foreseen: bool,
    pub(crate) published: Vec<(String, String)>,
}

/// What was foreseen of an apply.
pub(crate) enum Foreseen {
    /// It has nothing to change, or cannot be done; this is how it went.
    Done(Played),
    /// It would change something.
    Change,
}

impl Played {
    /// A turn that did not take place; why.
    pub(crate) fn skipped(module: &InstanceName, hook: Hook, why: &str) -> Self {
        Self::never(module, hook, Status::Skipped(why.to_owned()))
    }

    /// A turn whose task ended without telling how it went.
    pub(crate) fn lost(module: &InstanceName, hook: Hook, panic: &JoinError) -> Self {
        Self::failed(module, hook, &format!("a turn was lost: {panic}"))
    }

    /// A turn that failed before it could tell anything itself; why.
    pub(crate) fn failed(module: &InstanceName, hook: Hook, why: &str) -> Self {
        Self::never(module, hook, Status::Failed(why.to_owned()))
    }

    /// What a row tells.
    pub(crate) fn of(row: Row) -> Self {
        Self {
            row,
            foreseen: false,
            published: Vec::new(),
        }
    }

    /// A turn on a machine that did not take place.
    pub(crate) fn passed_over(
        module: &InstanceName,
        hook: Hook,
        machine: &MachineName,
        status: Status,
    ) -> Self {
        let mut played = Self::never(module, hook, status);
        played.row.machine = Some(machine.clone());
        played
    }

    fn never(module: &InstanceName, hook: Hook, status: Status) -> Self {
        let row = Row {
            module: module.clone(),
            hook,
            machine: None,
            status,
            tally: Tally::default(),
            warnings: Vec::new(),
            hints: Vec::new(),
            took: Duration::ZERO,
        };
        Self::of(row)
    }
}

impl Stage {
    pub(crate) fn new(effects: Arc<dyn Effects>, events: Events) -> Self {
        Self {
            effects,
            events,
            rounds: Arc::default(),
            published: Arc::default(),
            purge: false,
        }
    }

    /// The same stage where what is removed takes its data along, or does not.
    pub(crate) fn purging(self, purge: bool) -> Self {
        Self { purge, ..self }
    }

    /// Where effects go.
    pub(crate) fn effects(&self) -> Arc<dyn Effects> {
        self.effects.clone()
    }

    /// Tells whoever listens; nobody listening is no reason to stop.
    pub(crate) fn send(&self, event: Event) {
        let _ = self.events.send(event);
    }

    /// Tells what happens in a turn of the host's own.
    pub(crate) fn tell_gate(&self, module: &InstanceName, happening: Happening) {
        self.send(Event::Turn {
            module: module.clone(),
            hook: Hook::Gate,
            machine: None,
            happening,
        });
    }

    /// Numbers the turns of a hook, so that each has a name of its own in the record.
    pub(crate) fn call(
        &self,
        module: &InstanceName,
        hook: Hook,
        machine: Option<MachineName>,
    ) -> Call {
        let mut rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
        let next = rounds
            .entry((module.clone(), hook, machine.clone()))
            .or_default();
        let round = *next;
        *next += 1;
        Call {
            hook,
            machine,
            round,
            given: Certainty::Exact,
        }
    }

    /// How sure it is what a module was told by those that it waits for.
    fn given(&self, placed: &Placed) -> Certainty {
        let published = self.published.lock();
        let published = published.unwrap_or_else(PoisonError::into_inner);
        let doubts = placed
            .after
            .iter()
            .filter_map(|name| published.get(name).copied());
        doubts.max().unwrap_or(Certainty::Exact)
    }

    /// Takes up how sure it is what a turn has published.
    fn publish(&self, module: &InstanceName, certainty: Certainty) {
        let published = self.published.lock();
        let mut published = published.unwrap_or_else(PoisonError::into_inner);
        let known = published.entry(module.clone()).or_insert(certainty);
        *known = certainty.max(*known);
    }

    /// Calls `apply` or `remove` for a machine, or `form`.
    pub(crate) async fn play(
        &self,
        placed: &Placed,
        view: Arc<CellView>,
        hook: Hook,
        machine: Option<MachineName>,
    ) -> Played {
        let begun = Instant::now();
        let witness = Arc::new(Witness::new(self.effects.clone(), self.events.clone()));
        let call = Call {
            given: self.given(placed),
            ..self.call(&placed.usage.name, hook, machine.clone())
        };
        let given = call.given;
        let context = placed.context(view, call, witness.clone(), witness.clone());
        let turn = context.turn.clone();
        self.tell(placed, hook, machine.as_ref(), Happening::Began);
        let result = match hook {
            Hook::Apply | Hook::Foresee => placed.module.apply(context).await,
            // What leaves keeps its data unless a person said that it can go.
            Hook::Remove => placed.module.remove(context, self.purge).await,
            _ => placed.module.form(context).await,
        };
        let took = begun.elapsed();
        let (status, published) = judged(result, &witness);
        if !published.is_empty() {
            self.publish(&placed.usage.name, witness.doubt().max(given));
        }
        let foreseen = witness.met_foreseen();
        let told = if foreseen {
            // It has found out what it was asked.
            Ending {
                good: true,
                status: "foreseen".to_owned(),
                changes: 0,
                reason: None,
            }
        } else {
            status.ending()
        };
        witness.ended(&turn, told);
        let hints = if status.is_good() {
            Vec::new()
        } else {
            witness.hints()
        };
        let ended = Happening::Ended {
            status: status.clone(),
            hints: hints.clone(),
            took,
        };
        self.tell(placed, hook, machine.as_ref(), ended);
        let row = Row {
            module: placed.usage.name.clone(),
            hook,
            machine,
            status,
            tally: witness.tally(),
            warnings: witness.warnings(),
            hints,
            took,
        };
        Played {
            row,
            foreseen,
            published,
        }
    }

    /// Asks `apply` of a machine whether it would change anything. Where it would not, its turn
    /// stands for that apply; where it would, nothing of it is told.
    pub(crate) async fn foresee(
        &self,
        placed: &Placed,
        view: Arc<CellView>,
        machine: MachineName,
    ) -> Foreseen {
        let (events, mut heard) = mpsc::unbounded_channel();
        let aside = Self {
            events,
            ..self.clone()
        };
        let mut played = aside.play(placed, view, Hook::Foresee, Some(machine)).await;
        if played.foreseen {
            return Foreseen::Change;
        }
        while let Ok(event) = heard.try_recv() {
            let _ = self.events.send(event.of(Hook::Apply));
        }
        played.row.hook = Hook::Apply;
        Foreseen::Done(played)
    }

    /// Asks how a member is.
    pub(crate) async fn health(
        &self,
        placed: &Placed,
        view: Arc<CellView>,
        machine: MachineName,
    ) -> Health {
        let call = self.call(&placed.usage.name, Hook::Health, Some(machine));
        let witness = self.unheard();
        let context = placed.context(view, call, witness.clone(), witness.clone());
        let turn = context.turn.clone();
        let told = placed.module.health(context).await;
        let health = Self::heard(told, &witness);
        witness.ended(&turn, health.ending());
        health
    }

    /// What is known of a member after its module said how it is.
    fn heard(told: Result<Condition, TurnError>, witness: &Witness) -> Health {
        if witness.met_interrupt() {
            return Health::Interrupted;
        }
        if !witness.is_proven() {
            return Health::Unproven;
        }
        match told {
            Ok(Condition::Down(why)) if witness.met_unreachable() => Health::Lost(why),
            Ok(Condition::Healthy) => Health::Healthy,
            Ok(Condition::Degraded(why)) => Health::Degraded(why),
            Ok(Condition::Down(why)) => Health::Down(why),
            // What a module that crashed would have said nobody knows.
            Err(error) => Health::Lost(error.to_string()),
        }
    }

    /// Asks in which order members are to be taken, by their ordinals.
    pub(crate) async fn order(
        &self,
        placed: &Placed,
        view: Arc<CellView>,
    ) -> Result<Vec<u32>, Status> {
        let call = self.call(&placed.usage.name, Hook::Order, None);
        let witness = self.unheard();
        let context = placed.context(view, call, witness.clone(), witness.clone());
        let turn = context.turn.clone();
        let told = placed.module.order(context).await;
        let order = if witness.met_interrupt() {
            Err(Status::Skipped("interrupted".to_owned()))
        } else {
            told.map_err(|error| Status::Failed(error.to_string()))
        };
        let status = order.as_ref().err().unwrap_or(&Status::Unchanged);
        witness.ended(&turn, status.ending());
        order
    }

    /// Begins a turn of the host's own, in which it waits for a machine.
    pub(crate) fn gate(&self, placed: &Placed, machine: &MachineName) -> Gate {
        let call = self.call(&placed.usage.name, Hook::Gate, Some(machine.clone()));
        Gate::new(
            placed.turn(call),
            machine.clone(),
            self.effects.clone(),
            self.events.clone(),
        )
    }

    /// Watches a turn of which nothing is shown.
    fn unheard(&self) -> Arc<Witness> {
        let (events, _) = mpsc::unbounded_channel();
        Arc::new(Witness::new(self.effects.clone(), events))
    }

    pub(crate) fn tell(
        &self,
        placed: &Placed,
        hook: Hook,
        machine: Option<&MachineName>,
        happening: Happening,
    ) {
        // Nobody listening is no reason to stop.
        let _ = self.events.send(Event::Turn {
            module: placed.usage.name.clone(),
            hook,
            machine: machine.cloned(),
            happening,
        });
    }
}

fn judged(
    result: Result<Turned<()>, TurnError>,
    witness: &Witness,
) -> (Status, Vec<(String, String)>) {
    // Whatever the module makes of it: what was stopped or broken off is not as planned.
    if let Some(why) = witness.stopped() {
        return (Status::Failed(why), Vec::new());
    }
    if witness.met_interrupt() {
        let why = match witness.changes() {
            0 => "interrupted".to_owned(),
            changes => format!("interrupted after {changes} changes"),
        };
        return (Status::Skipped(why), Vec::new());
    }
    match result {
        Ok(turned) if witness.changes() == 0 => (Status::Unchanged, turned.published),
        Ok(turned) => (Status::Changed(witness.changes()), turned.published),
        Err(error) => {
            let gave_up = matches!(error.fault, Fault::Failed(_));
            let status = if gave_up && witness.met_unreachable() {
                Status::Unreachable(error.to_string())
            } else {
                Status::Failed(error.to_string())
            };
            (status, Vec::new())
        }
    }
}
