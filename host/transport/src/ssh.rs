//! Machines over ssh.
//!
//! The first session of a machine is a plain `ssh … sh` of ours, which also becomes the master of
//! later sessions: a cold start costs no more than plain ssh. While that master lives, which may
//! be longer than a run, a session costs a message to its control socket.

mod control;
mod destination;
mod diagnosis;
mod line;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use cellhost_plan::{Machine, MachineName, Ssh};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;

use crate::shell::{Memory, ShellCourier};
use crate::{Courier, CourierError, Fleet, Stage};
use control::ControlDirectory;
use destination::Destination;
use line::SshLine;

/// Hands out couriers over ssh, one for each machine of a plan.
///
/// A courier connects when it is first asked something, together with that request.
pub struct SshFleet {
    destinations: BTreeMap<MachineName, Destination>,
    control: Option<Arc<ControlDirectory>>,
    gate: Arc<Semaphore>,
    couriers: Mutex<BTreeMap<MachineName, Arc<ShellCourier<SshLine>>>>,
}

/// Why there can be no fleet over ssh.
#[derive(Debug, thiserror::Error)]
pub enum SshError {
    /// The directory of the control sockets is not ours alone.
    #[error("`{path}` is no safe place for connections: {reason}")]
    Control {
        /// Which directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An address or user would be taken for an option.
    #[error(
        "machine `{machine}` has `{word}` for an address or user, which ssh takes for an option"
    )]
    Option {
        /// Which machine.
        machine: MachineName,
        /// The word.
        word: String,
    },
}

impl SshFleet {
    /// Makes the fleet of these machines. Nothing is connected yet.
    ///
    /// `config` takes the place of the configuration file that the plan names.
    pub fn new<'a>(
        settings: &Ssh,
        machines: impl IntoIterator<Item = &'a Machine>,
        config: Option<&Path>,
    ) -> Result<Self, SshError> {
        let mut destinations = BTreeMap::new();
        for machine in machines {
            let destination = Destination::new(settings, machine, config)?;
            destinations.insert(machine.name.clone(), destination);
        }
        let control = if settings.keep_alive.is_zero() {
            None
        } else {
            Some(Arc::new(ControlDirectory::open()?))
        };
        Ok(Self {
            destinations,
            control,
            gate: Arc::new(Semaphore::new(settings.parallel.max(1))),
            couriers: Mutex::new(BTreeMap::new()),
        })
    }
}

#[async_trait]
impl Fleet for SshFleet {
    async fn courier(&self, machine: &MachineName) -> Result<Arc<dyn Courier>, CourierError> {
        let mut couriers = self.couriers.lock().await;
        if let Some(courier) = couriers.get(machine) {
            return Ok(Arc::clone(courier) as Arc<dyn Courier>);
        }
        let Some(destination) = self.destinations.get(machine) else {
            return Err(CourierError::Unreachable {
                machine: machine.clone(),
                stage: Stage::Resolve,
                reason: "the plan has no such machine".to_owned(),
                in_doubt: false,
            });
        };
        let line = SshLine::new(
            machine.clone(),
            destination.clone(),
            self.control.as_deref(),
            Arc::clone(&self.gate),
        );
        let courier = Arc::new(ShellCourier::new(line, Memory::default()));
        couriers.insert(machine.clone(), Arc::clone(&courier));
        Ok(courier)
    }

    async fn close(&self) {
        let mut closing = JoinSet::new();
        for courier in std::mem::take(&mut *self.couriers.lock().await).into_values() {
            closing.spawn(async move { courier.close().await });
        }
        closing.join_all().await;
    }
}
