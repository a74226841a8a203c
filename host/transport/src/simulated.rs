//! Machines in memory, for tests of modules and of everything above couriers.
//!
//! A [`SimulatedMachine`] has files, users, packages and services that wishes change as they
//! would change a real one's, and answers commands and dials as it was told to. It records every
//! request, and fails where a [`Fault`] says so. Time passes only through tokio, so tests may
//! pause it.
//!
//! ```
//! use cellhost_plan::MachineName;
//! use cellhost_transport::{Fleet, Package, Reply, Request, SimulatedFleet, SimulatedMachine};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let name = MachineName::new("db1").unwrap();
//! let machine = SimulatedMachine::new(name.clone());
//! machine.state().offer("redis-server", Package::new("7.0").with_service("redis-server"));
//! machine.answer(&["redis-cli", ".."], |_state, _command| "PONG\n".into());
//! let fleet = SimulatedFleet::new([machine]);
//! let courier = fleet.courier(&name).await.unwrap();
//! let reply = courier.exchange(Request::Machine).await.unwrap();
//! assert!(matches!(reply, Reply::Machine(facts) if facts["os.id"] == "debian"));
//! # }
//! ```

mod ask;
mod fault;
mod lease;
mod machine;
mod package;
mod settle;
mod state;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use cellhost_plan::MachineName;

use crate::{Courier, CourierError, Fleet, Stage};

pub use fault::Fault;
pub use machine::SimulatedMachine;
pub use package::Package;
pub use state::{Node, SimulatedService, State};

/// Hands out simulated machines.
#[derive(Default)]
pub struct SimulatedFleet {
    machines: BTreeMap<MachineName, Arc<SimulatedMachine>>,
}

impl SimulatedFleet {
    /// Makes a fleet of these machines.
    pub fn new(machines: impl IntoIterator<Item = Arc<SimulatedMachine>>) -> Self {
        let named = machines
            .into_iter()
            .map(|machine| (machine.name().clone(), machine));
        Self {
            machines: named.collect(),
        }
    }

    /// Makes a fleet of fresh machines by name.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a MachineName>) -> Self {
        Self::new(names.into_iter().cloned().map(SimulatedMachine::new))
    }

    /// Returns a machine by name.
    pub fn machine(&self, name: &str) -> Option<&Arc<SimulatedMachine>> {
        self.machines.get(name)
    }

    /// Returns all machines, by name.
    pub fn machines(&self) -> impl Iterator<Item = &Arc<SimulatedMachine>> {
        self.machines.values()
    }
}

#[async_trait]
impl Fleet for SimulatedFleet {
    async fn courier(&self, machine: &MachineName) -> Result<Arc<dyn Courier>, CourierError> {
        match self.machines.get(machine) {
            Some(found) => Ok(Arc::clone(found) as Arc<dyn Courier>),
            None => Err(CourierError::Unreachable {
                machine: machine.clone(),
                stage: Stage::Resolve,
                reason: "no such machine is simulated".to_owned(),
                in_doubt: false,
            }),
        }
    }

    async fn close(&self) {
        for machine in self.machines.values() {
            machine.close().await;
        }
    }
}
