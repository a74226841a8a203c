use std::collections::BTreeMap;

use cellhost_sdk::prelude::*;

use crate::source::Source;

/// What the plan can set.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// Where the program comes from.
    pub(crate) source: Source,
    /// Where metrics go. At least one.
    pub(crate) outputs: Outputs,
    /// What is gathered beside the machine itself.
    pub(crate) inputs: Inputs,
    /// Tags of every metric, beside `host`, `cell`, `roles` and `zone`.
    pub(crate) tags: BTreeMap<String, String>,
    /// How often is gathered and handed on: `10s`, `1m`.
    pub(crate) interval: String,
    /// How many metrics are kept while an output does not take them.
    #[schemars(range(min = 1000, max = 10_000_000))]
    pub(crate) buffer: u32,
    /// Where Telegraf says how it is, on the machine itself only.
    #[schemars(range(min = 1))]
    pub(crate) health_port: u16,
}

/// Where metrics go.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Outputs {
    /// Each is written to.
    pub(crate) influxdb: Vec<InfluxDb>,
    /// Each is written to.
    pub(crate) influxdb_v2: Vec<InfluxDb2>,
    /// Where Prometheus comes for them.
    pub(crate) prometheus: Option<Prometheus>,
}

/// An InfluxDB 1.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct InfluxDb {
    /// Of several, one is written to. To write to many, say the whole of it many times.
    pub(crate) urls: Vec<String>,
    /// The database, which has to be there.
    #[serde(default = "usual_database")]
    pub(crate) database: String,
    /// The retention policy, if not the usual one.
    pub(crate) retention_policy: Option<String>,
    /// Who writes.
    pub(crate) username: Option<String>,
    /// What that one logs in with.
    pub(crate) password: Option<Secret>,
}

/// An InfluxDB 2.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct InfluxDb2 {
    /// Of several, one is written to.
    pub(crate) urls: Vec<String>,
    /// What lets it write.
    pub(crate) token: Secret,
    /// The organization.
    pub(crate) organization: String,
    /// The bucket.
    pub(crate) bucket: String,
}

/// Where Prometheus comes for metrics.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Prometheus {
    /// Where it listens; 9273 is usual.
    #[schemars(range(min = 1))]
    pub(crate) port: u16,
}

/// What is gathered beside the machine itself. Each is gathered where the plan shows it, if nothing
/// else is said.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Inputs {
    /// Docker's containers. Whoever reads its socket is as good as root.
    pub(crate) docker: Input,
    /// HAProxy, by its page of statistics or its socket.
    pub(crate) haproxy: Input,
    /// MinIO, by what it has for Prometheus.
    pub(crate) minio: Input,
    /// MySQL and MariaDB.
    pub(crate) mysql: Input,
    /// Redis.
    pub(crate) redis: Input,
    /// ZooKeeper.
    pub(crate) zookeeper: Input,
}

/// How something is gathered.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Input {
    /// Leaves it out.
    pub(crate) off: bool,
    /// Gathers it on the machines with this role.
    pub(crate) role: Option<String>,
    /// Gathers it here, as Telegraf writes it, instead of where the plan shows it.
    pub(crate) servers: Vec<String>,
    /// Who gathers, where one logs in.
    pub(crate) user: Option<String>,
    /// What that one logs in with.
    pub(crate) password: Option<Secret>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            source: Source::default(),
            outputs: Outputs::default(),
            inputs: Inputs::default(),
            tags: BTreeMap::new(),
            interval: "10s".to_owned(),
            buffer: 10_000,
            health_port: 8888,
        }
    }
}

impl Settings {
    /// Returns the interval in seconds; none where it is no duration of whole seconds.
    pub(crate) fn seconds(&self) -> Option<u32> {
        let unit = self.interval.chars().next_back()?;
        let number: u32 = self.interval.strip_suffix(unit)?.parse().ok()?;
        match unit {
            's' => Some(number),
            'm' => number.checked_mul(60),
            'h' => number.checked_mul(3600),
            _ => None,
        }
    }
}

fn usual_database() -> String {
    "telegraf".to_owned()
}
