use std::collections::BTreeMap;

use cellhost_sdk::prelude::*;

use crate::supervisor::Supervisor;
use crate::users::User;

/// What the plan can set.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// The port of the instance that is planned as master, the same on all machines.
    #[serde(default = "usual_port")]
    pub(crate) port: u16,
    /// The port of the instance that is planned as replica, the same on all machines.
    #[serde(default = "usual_replica_port")]
    pub(crate) replica_port: u16,
    /// What clients and the instances themselves log in with.
    pub(crate) password: Secret,
    /// What clients may log in with as well, while a password gives way to another.
    #[serde(default)]
    pub(crate) also_accepted: Vec<Secret>,
    /// Users of their own for clients, by name.
    #[serde(default)]
    pub(crate) users: BTreeMap<String, User>,
    /// Lets supervisor keep the instances, with its page in a browser; systemd does otherwise.
    pub(crate) supervisor: Option<Supervisor>,
    /// How much memory one instance may use for its data, such as `512mb`; unset is no limit.
    #[schemars(regex(pattern = r"^[1-9][0-9]*([kmg]b?)?$"))]
    pub(crate) maxmemory: Option<String>,
    /// What an instance does when `maxmemory` is reached.
    #[serde(default)]
    pub(crate) maxmemory_policy: Policy,
    /// After so many milliseconds without a word an instance is taken for failed.
    #[serde(default = "usual_node_timeout")]
    #[schemars(range(min = 1000, max = 60000))]
    pub(crate) node_timeout: u32,
}

/// What an instance does when its memory is full, in Redis' own words.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Policy {
    /// Refuses writes.
    #[default]
    Noeviction,
    /// Drops what was used longest ago.
    AllkeysLru,
    /// Drops what is used least.
    AllkeysLfu,
    /// Drops anything.
    AllkeysRandom,
    /// As `allkeys-lru`, among keys with a time to live.
    VolatileLru,
    /// As `allkeys-lfu`, among keys with a time to live.
    VolatileLfu,
    /// As `allkeys-random`, among keys with a time to live.
    VolatileRandom,
    /// Drops what has the least time to live.
    VolatileTtl,
}

impl Settings {
    /// Returns both ports, the master's first.
    pub(crate) fn ports(&self) -> [u16; 2] {
        [self.port, self.replica_port]
    }
}

fn usual_port() -> u16 {
    7000
}

fn usual_replica_port() -> u16 {
    7001
}

fn usual_node_timeout() -> u32 {
    5000
}
