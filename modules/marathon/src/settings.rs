use std::collections::BTreeMap;

use cellhost_sdk::prelude::*;

use crate::source::Source;

/// What the plan can set. It is the same for all members.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// Where the program comes from.
    pub(crate) source: Source,
    /// Where in ZooKeeper it keeps what it knows, below the path that the ensemble's clients have.
    /// Stays for as long as this Marathon lives.
    pub(crate) zk_path: String,
    /// Where its interface is.
    #[schemars(range(min = 1))]
    pub(crate) http_port: u16,
    /// What Mesos knows it by. Stays.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"))]
    pub(crate) framework_name: String,
    /// The role of Mesos that it takes resources of, if not all that are nobody's. Stays.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"))]
    pub(crate) mesos_role: Option<String>,
    /// Whom tasks run as that do not say it. It has to be one that agents know.
    pub(crate) user: String,
    /// How much memory Java's heap may have: `512m`, `2g`.
    #[schemars(regex(pattern = r"^[1-9][0-9]*[mg]$"))]
    pub(crate) heap: String,
    /// The seconds after which Mesos ends all tasks when no instance is left.
    #[schemars(range(min = 60))]
    pub(crate) failover_timeout: u32,
    /// The milliseconds that a task may take to come up; no less than the agents give executors.
    #[schemars(range(min = 1000))]
    pub(crate) task_launch_timeout: u32,
    /// Where Mesos's library is.
    #[schemars(regex(pattern = r"^/[A-Za-z0-9/._+-]+$"))]
    pub(crate) native_library: String,
    /// Where a Java is, if not the machine's usual one.
    #[schemars(regex(pattern = r"^/[A-Za-z0-9/._+-]+$"))]
    pub(crate) java_home: Option<String>,
    /// What it shows to be let in by Mesos.
    pub(crate) credential: Option<Credential>,
    /// Further flags, without the dashes.
    pub(crate) options: BTreeMap<String, String>,
}

/// A name and what proves it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credential {
    /// The name.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$"))]
    pub(crate) principal: String,
    /// What proves it.
    pub(crate) secret: Secret,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            source: Source::default(),
            zk_path: "/marathon".to_owned(),
            http_port: 8080,
            framework_name: "marathon".to_owned(),
            mesos_role: None,
            user: "root".to_owned(),
            heap: "512m".to_owned(),
            failover_timeout: 604_800,
            task_launch_timeout: 300_000,
            native_library: "/usr/lib/libmesos.so".to_owned(),
            java_home: None,
            credential: None,
            options: BTreeMap::new(),
        }
    }
}
