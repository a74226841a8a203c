use std::collections::BTreeMap;

use cellhost_sdk::prelude::*;

/// What the plan can set. It is the same for all members.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// Where clients connect.
    #[schemars(range(min = 1))]
    pub(crate) client_port: u16,
    /// Where the leader listens for its followers.
    #[schemars(range(min = 1))]
    pub(crate) peer_port: u16,
    /// Where members vote.
    #[schemars(range(min = 1))]
    pub(crate) election_port: u16,
    /// How much memory Java's heap has, from the beginning: `512m`, `2g`. At most three quarters
    /// of the machine's.
    #[schemars(regex(pattern = r"^[1-9][0-9]*[mg]$"))]
    pub(crate) heap: String,
    /// The length of a tick in milliseconds: the heartbeat, and the unit of the two limits.
    #[schemars(range(min = 100, max = 60000))]
    pub(crate) tick_time: u32,
    /// So many ticks a follower has to connect and catch up; more for much data.
    #[schemars(range(min = 1, max = 10000))]
    pub(crate) init_limit: u32,
    /// So many ticks a follower may be behind.
    #[schemars(range(min = 1, max = 10000))]
    pub(crate) sync_limit: u32,
    /// How many connections one address may have.
    pub(crate) max_client_connections: u32,
    /// Snapshots are kept so many; older ones go, with their logs.
    #[schemars(range(min = 3, max = 1000))]
    pub(crate) snapshots_kept: u32,
    /// The hours between two purges of old snapshots.
    #[schemars(range(min = 1, max = 8760))]
    pub(crate) purge_interval: u32,
    /// Where the data is: below `/var/lib/zookeeper` or `/srv/zookeeper`.
    pub(crate) data_dir: String,
    /// Where the log of transactions is, if not with the data: a disk of its own makes writes
    /// faster. Below `/var/lib/zookeeper` or `/srv/zookeeper`.
    pub(crate) log_dir: Option<String>,
    /// What clients are told to take for their root, such as `/orders`. Whoever comes first has to
    /// make it.
    #[schemars(regex(pattern = r"^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$"))]
    pub(crate) chroot: Option<String>,
    /// How much the service writes to the journal.
    pub(crate) log_level: LogLevel,
    /// Further lines of `zoo.cfg`.
    pub(crate) options: BTreeMap<String, String>,
    /// Further options of Java, such as `-Djute.maxbuffer=2097152`.
    pub(crate) jvm_options: Vec<String>,
}

/// How much the service writes to the journal.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogLevel {
    /// Only what went wrong.
    Error,
    /// What may go wrong too.
    Warn,
    /// What happens.
    Info,
    /// Everything.
    Debug,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            client_port: 2181,
            peer_port: 2888,
            election_port: 3888,
            heap: "512m".to_owned(),
            tick_time: 2000,
            init_limit: 10,
            sync_limit: 5,
            max_client_connections: 200,
            snapshots_kept: 3,
            purge_interval: 24,
            data_dir: "/var/lib/zookeeper/data".to_owned(),
            log_dir: None,
            chroot: None,
            log_level: LogLevel::Info,
            options: BTreeMap::new(),
            jvm_options: Vec::new(),
        }
    }
}

impl Settings {
    /// Returns the directories that hold snapshots and logs.
    pub(crate) fn directories(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.data_dir.as_str()).chain(self.log_dir.as_deref())
    }
}
