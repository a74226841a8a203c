//! Machines over ssh.
//!
//! A connection is one `ssh` of ours, a *master*, which goes to the background once the machine has
//! let it in and is spoken to over its control socket. It may live longer than a run; while it does,
//! a shell on the machine costs a message to that socket. How many live at once is bounded.

mod becoming;
mod capacity;
mod connecting;
mod control;
mod destination;
mod diagnosis;
mod line;
mod master;
mod standing;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use cellhost_plan::{Machine, MachineName, Ssh, at_home};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use crate::shell::{Memory, ShellCourier};
use crate::{Courier, CourierError, Fleet, Stage};
use becoming::Password;
use capacity::{Capacity, Tenant};
use control::ControlDirectory;
use destination::Destination;
use line::{Exchange, SshLine};

/// Hands out couriers over ssh, one for each machine of a plan.
///
/// A courier connects when it is first asked something, together with that request.
pub struct SshFleet {
    /// How machines are reached, each with the key of its connections.
    destinations: BTreeMap<MachineName, (Destination, String)>,
    exchange: Arc<Exchange>,
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
    /// `config` takes the place of the configuration file that the plan names. `password` is what
    /// the program asks for that makes the login user root; it is given once to each machine that
    /// asks, and to no other once the first refused it.
    pub fn new<'a>(
        settings: &Ssh,
        machines: impl IntoIterator<Item = &'a Machine>,
        config: Option<&Path>,
        password: Option<Zeroizing<String>>,
    ) -> Result<Self, SshError> {
        let salt = configuration(settings, config);
        let mut destinations = BTreeMap::new();
        for machine in machines {
            let destination = Destination::new(settings, machine, config)?;
            let key = destination.key(&salt);
            destinations.insert(machine.name.clone(), (destination, key));
        }
        let control = Arc::new(ControlDirectory::open()?);
        let keys: HashSet<String> = destinations.values().map(|(_, key)| key.clone()).collect();
        let exchange = Exchange {
            capacity: Capacity::new(settings.connections, keys, Arc::clone(&control)),
            control,
            gate: Arc::new(Semaphore::new(settings.at_once())),
            password: password.map(Password::new),
        };
        Ok(Self {
            destinations,
            exchange: Arc::new(exchange),
            couriers: Mutex::new(BTreeMap::new()),
        })
    }
}

/// The content of the configuration file that ssh reads of the user.
fn configuration(settings: &Ssh, config: Option<&Path>) -> Vec<u8> {
    let home = std::env::var_os("HOME");
    let own = || PathBuf::from("~/.ssh/config");
    let path = config
        .map(Path::to_owned)
        .or_else(|| settings.config.clone());
    let path = at_home(&path.unwrap_or_else(own), home.as_deref());
    std::fs::read(path).unwrap_or_default()
}

#[async_trait]
impl Fleet for SshFleet {
    async fn courier(&self, machine: &MachineName) -> Result<Arc<dyn Courier>, CourierError> {
        let mut couriers = self.couriers.lock().await;
        if let Some(courier) = couriers.get(machine) {
            return Ok(Arc::clone(courier) as Arc<dyn Courier>);
        }
        let Some((destination, key)) = self.destinations.get(machine) else {
            return Err(CourierError::Unreachable {
                machine: machine.clone(),
                stage: Stage::Resolve,
                reason: "the plan has no such machine".to_owned(),
                in_doubt: false,
            });
        };
        let exchange = Arc::clone(&self.exchange);
        let line = SshLine::new(machine.clone(), destination.clone(), key.clone(), exchange);
        let courier = Arc::new(ShellCourier::new(line, Memory::default()));
        let tenant: Weak<dyn Tenant> = Arc::<ShellCourier<SshLine>>::downgrade(&courier);
        self.exchange.capacity.admit(tenant);
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
