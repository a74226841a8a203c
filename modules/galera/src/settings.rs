use std::collections::BTreeMap;

use cellhost_sdk::prelude::*;

/// What the plan can set. It is the same for all members.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// What the cluster is called, if not as the cell; for as long as it lives.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$"))]
    pub(crate) cluster_name: Option<String>,
    /// What the account has by which a member gives its data to a new one.
    pub(crate) sst_password: Secret,
    /// What the account `telegraf` has, by which Telegraf asks the member beside it how it is.
    pub(crate) telegraf_password: Option<Secret>,
    /// Where clients connect.
    #[serde(default = "usual_port")]
    #[schemars(range(min = 1))]
    pub(crate) port: u16,
    /// Where members reach each other, by TCP and UDP.
    #[serde(default = "usual_replication_port")]
    #[schemars(range(min = 1))]
    pub(crate) replication_port: u16,
    /// Where a member gets what it missed.
    #[serde(default = "usual_ist_port")]
    #[schemars(range(min = 1))]
    pub(crate) ist_port: u16,
    /// Where a new member gets all data.
    #[serde(default = "usual_sst_port")]
    #[schemars(range(min = 1))]
    pub(crate) sst_port: u16,
    /// The memory for data and indexes, half of the machine's or more: `512m`, `8g`.
    #[serde(default = "usual_buffer_pool")]
    #[schemars(regex(pattern = r"^[1-9][0-9]*[mg]$"))]
    pub(crate) buffer_pool: String,
    /// How much of what was written is kept for members that were away: what they missed has to be
    /// in it, or they get all data anew.
    #[serde(default = "usual_write_cache")]
    #[schemars(regex(pattern = r"^[1-9][0-9]*[mg]$"))]
    pub(crate) write_cache: String,
    /// How many clients may be connected.
    #[serde(default = "usual_max_connections")]
    #[schemars(range(min = 10, max = 100_000))]
    pub(crate) max_connections: u32,
    /// How many threads apply what other members have written.
    #[serde(default = "usual_appliers")]
    #[schemars(range(min = 1, max = 512))]
    pub(crate) appliers: u32,
    /// Whether every commit is on the disk before it is acknowledged. Without it a power cut of all
    /// members at once may cost the last second.
    #[serde(default = "yes")]
    pub(crate) flush_at_commit: bool,
    /// Whether one or two members are enough, which do not outlive the loss of one.
    #[serde(default)]
    pub(crate) fragile: bool,
    /// Further lines of the section `[mysqld]`.
    #[serde(default)]
    pub(crate) options: BTreeMap<String, String>,
}

impl Settings {
    /// Returns the ports, each with the setting that it is.
    pub(crate) fn ports(&self) -> [(&'static str, u16); 4] {
        [
            ("port", self.port),
            ("replication-port", self.replication_port),
            ("ist-port", self.ist_port),
            ("sst-port", self.sst_port),
        ]
    }
}

fn usual_port() -> u16 {
    3306
}

fn usual_replication_port() -> u16 {
    4567
}

fn usual_ist_port() -> u16 {
    4568
}

fn usual_sst_port() -> u16 {
    4444
}

fn usual_buffer_pool() -> String {
    "512m".to_owned()
}

fn usual_write_cache() -> String {
    "512m".to_owned()
}

fn usual_max_connections() -> u32 {
    151
}

fn usual_appliers() -> u32 {
    4
}

fn yes() -> bool {
    true
}
