//! One turn: a hook called, watched and judged.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cellhost_effects::{Effects, Ending, Hook};
use cellhost_plan::{InstanceName, MachineName};
use cellhost_runtime::{CellView, Fault, TurnError, Turned};

use tokio::task::JoinError;

use crate::deployment::Call;
use crate::event::{Event, Events, Happening};
use crate::witness::Witness;
use crate::{Placed, Row, Status};

/// What a turn needs from its run.
#[derive(Clone)]
pub(crate) struct Stage {
    effects: Arc<dyn Effects>,
    pub(crate) events: Events,
    rounds: Arc<Mutex<Rounds>>,
}

/// How many turns each hook had so far, by module and machine.
type Rounds = BTreeMap<(InstanceName, Hook, Option<MachineName>), u32>;

/// How a turn went, and what it published.
pub(crate) struct Played {
    pub(crate) row: Row,
    pub(crate) published: Vec<(String, String)>,
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

    fn never(module: &InstanceName, hook: Hook, status: Status) -> Self {
        let row = Row {
            module: module.clone(),
            hook,
            machine: None,
            status,
            warnings: Vec::new(),
            hints: Vec::new(),
            took: Duration::ZERO,
        };
        let published = Vec::new();
        Self { row, published }
    }
}

impl Stage {
    pub(crate) fn new(effects: Arc<dyn Effects>, events: Events) -> Self {
        let rounds = Arc::default();
        Self {
            effects,
            events,
            rounds,
        }
    }

    /// Numbers the turns of a hook, so that each has a name of its own in the record.
    fn call(&self, module: &InstanceName, hook: Hook, machine: Option<MachineName>) -> Call {
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
        }
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
        let context = placed.context(
            view,
            self.call(&placed.usage.name, hook, machine.clone()),
            witness.clone(),
            witness.clone(),
        );
        let turn = context.turn.clone();
        self.tell(placed, hook, machine.as_ref(), Happening::Began);
        let result = match hook {
            Hook::Apply => placed.module.apply(context).await,
            // What leaves keeps its data: only a person may say that it can go.
            Hook::Remove => placed.module.remove(context, false).await,
            _ => placed.module.form(context).await,
        };
        let took = begun.elapsed();
        let (status, published) = judged(result, &witness);
        witness.ended(&turn, ending(&status));
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
            warnings: witness.warnings(),
            hints,
            took,
        };
        Played { row, published }
    }

    fn tell(
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

/// How a turn ended, for the record.
fn ending(status: &Status) -> Ending {
    Ending {
        good: status.is_good(),
        status: status.word().to_owned(),
        changes: if let Status::Changed(count) = status {
            *count
        } else {
            0
        },
        reason: status.reason().map(str::to_owned),
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
