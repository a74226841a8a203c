//! What the modules of a run share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cellhost_effects::Effects;
use cellhost_plan::{InstanceName, MachineName, Plan, Unreachable};
use cellhost_runtime::CellView;
use tokio::sync::Semaphore;

use crate::Placed;
use crate::budget::Budget;
use crate::event::Events;
use crate::turn::Stage;

/// What the modules of a run share.
#[derive(Clone)]
pub(crate) struct Ground {
    /// Where turns are played.
    pub(crate) stage: Stage,
    /// How many turns may be under way at once.
    pub(crate) parallel: Arc<Semaphore>,
    /// How many machines may fail.
    pub(crate) budget: Arc<Budget>,
    /// What a machine that cannot be reached means.
    pub(crate) unreachable: Unreachable,
    /// About how long it takes to find that a machine cannot be reached.
    pub(crate) attempt: Duration,
    held: Arc<Mutex<BTreeMap<MachineName, Hold>>>,
    rolling: Arc<Mutex<Vec<Neighbour>>>,
}

/// A module whose change rolls in this run, or has.
#[derive(Clone)]
pub(crate) struct Neighbour {
    pub(crate) placed: Arc<Placed>,
    pub(crate) view: Arc<CellView>,
}

/// Held by the one rolling change that has a machine in its hands.
pub(crate) type Hold = Arc<tokio::sync::Mutex<()>>;

impl Ground {
    pub(crate) fn new(plan: &Plan, effects: Arc<dyn Effects>, events: Events) -> Self {
        Self {
            stage: Stage::new(effects, events),
            parallel: Arc::new(Semaphore::new(plan.ssh.at_once())),
            budget: Arc::new(Budget::new(plan.run.max_failures, plan.machines.len())),
            unreachable: plan.run.unreachable,
            attempt: plan.ssh.connect_timeout,
            held: Arc::default(),
            rolling: Arc::default(),
        }
    }

    /// Takes note of a module whose change rolls.
    pub(crate) fn enter(&self, placed: &Arc<Placed>, view: &Arc<CellView>) {
        let mut rolling = self.rolling.lock().unwrap_or_else(PoisonError::into_inner);
        rolling.push(Neighbour {
            placed: placed.clone(),
            view: view.clone(),
        });
    }

    /// The other modules of which a member on this machine is counted on, and that roll in this
    /// run or have.
    pub(crate) fn neighbours(&self, machine: &MachineName, own: &InstanceName) -> Vec<Neighbour> {
        let rolling = self.rolling.lock().unwrap_or_else(PoisonError::into_inner);
        let others = rolling.iter().filter(|other| {
            let placed = &other.placed;
            let mut members = placed.members.iter();
            placed.usage.name != *own
                && placed.founded
                && !placed.newcomers.contains(machine)
                && members.any(|member| member.name == *machine)
        });
        others.cloned().collect()
    }

    /// What keeps two rolling changes from having the same machine in their hands.
    ///
    /// Nobody waits for one while holding another, and whoever holds one waits only for its own
    /// turns and for time: so there is no circle in which everybody waits.
    pub(crate) fn hold(&self, machine: &MachineName) -> Hold {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.entry(machine.clone()).or_default().clone()
    }
}
