use std::collections::BTreeMap;

use cellhost_sdk::prelude::*;

use crate::source::Source;

/// What the plan can set. It is the same for all members.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// Where the program comes from.
    #[serde(default)]
    pub(crate) source: Source,
    /// The pools, in the order in which they came to be. New ones go to the end.
    pub(crate) pools: Vec<Pool>,
    /// Who may do everything.
    pub(crate) root_user: String,
    /// What that one logs in with: 8 characters or more.
    pub(crate) root_password: Secret,
    /// Where clients and the other members connect.
    #[serde(default = "usual_port")]
    #[schemars(range(min = 1))]
    pub(crate) port: u16,
    /// Where the console is.
    #[serde(default = "usual_console_port")]
    #[schemars(range(min = 1))]
    pub(crate) console_port: u16,
    /// How many drives of an erasure set may fail, if not as many as MinIO chooses.
    pub(crate) parity: Option<usize>,
    /// The region that clients are told.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"))]
    pub(crate) region: Option<String>,
    /// Whether metrics need no token.
    #[serde(default)]
    pub(crate) public_metrics: bool,
    /// Whether two or three machines are enough.
    #[serde(default)]
    pub(crate) fragile: bool,
    /// Whether drives may be directories of the system's own disk. For trying only.
    #[serde(default)]
    pub(crate) root_disks: bool,
    /// Further variables of MinIO.
    #[serde(default)]
    pub(crate) options: BTreeMap<String, String>,
}

/// Machines whose drives are one pool.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Pool {
    /// Its machines by name, in an order that stays: `["m[1-4]"]`. A machine that takes another
    /// one's place takes its place here too.
    pub(crate) machines: Vec<String>,
    /// Where each of them has its drives: `/mnt/disk[1-4]`.
    pub(crate) drives: String,
    /// Whether it was emptied (`mc admin decommission`) and goes.
    #[serde(default)]
    pub(crate) decommissioned: bool,
}

fn usual_port() -> u16 {
    9000
}

fn usual_console_port() -> u16 {
    9001
}
