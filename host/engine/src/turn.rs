//! One turn: a hook called, watched and judged.

use std::sync::Arc;
use std::time::Instant;

use cellhost_effects::{Effects, Hook};
use cellhost_plan::MachineName;
use cellhost_runtime::{CellView, Fault, TurnError, Turned};

use crate::event::{Event, Events, Happening};
use crate::witness::Witness;
use crate::{Placed, Row, Status};

/// What a turn needs from its run.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) effects: Arc<dyn Effects>,
    pub(crate) events: Events,
}

/// How a turn went, and what it published.
pub(crate) struct Played {
    pub(crate) row: Row,
    pub(crate) published: Vec<(String, String)>,
}

impl Stage {
    /// Calls `apply` for a machine, or `form` where there is none.
    pub(crate) async fn play(
        &self,
        placed: &Placed,
        view: Arc<CellView>,
        machine: Option<MachineName>,
    ) -> Played {
        let hook = if machine.is_some() {
            Hook::Apply
        } else {
            Hook::Form
        };
        let begun = Instant::now();
        let witness = Arc::new(Witness::new(self.effects.clone(), self.events.clone()));
        let context = placed.context(
            view,
            hook,
            machine.clone(),
            witness.clone(),
            witness.clone(),
        );
        self.tell(placed, hook, machine.as_ref(), Happening::Began);
        let result = match hook {
            Hook::Apply => placed.module.apply(context).await,
            _ => placed.module.form(context).await,
        };
        let took = begun.elapsed();
        let (status, published) = judged(result, &witness);
        let ended = Happening::Ended {
            status: status.clone(),
            took,
        };
        self.tell(placed, hook, machine.as_ref(), ended);
        let row = Row {
            module: placed.usage.name.clone(),
            hook,
            machine,
            status,
            warnings: witness.warnings(),
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

fn judged(
    result: Result<Turned<()>, TurnError>,
    witness: &Witness,
) -> (Status, Vec<(String, String)>) {
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
