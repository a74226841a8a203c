use std::collections::BTreeMap;

use cellhost_sdk::prelude::*;

use crate::source::Source;

/// What the plan can set. It is the same for all members.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// Where the programs come from.
    pub(crate) source: Source,
    /// What the cluster is called, if not as the cell.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"))]
    pub(crate) cluster_name: Option<String>,
    /// The role of machines that are masters.
    pub(crate) master_role: String,
    /// The role of machines that run tasks.
    pub(crate) agent_role: String,
    /// Where in ZooKeeper masters meet, below the path that the ensemble's clients have.
    pub(crate) zk_path: String,
    /// Where masters listen.
    #[schemars(range(min = 1))]
    pub(crate) master_port: u16,
    /// Where agents listen.
    #[schemars(range(min = 1))]
    pub(crate) agent_port: u16,
    /// Where a master has the registry: below `/var/lib/mesos` or `/srv/mesos`.
    pub(crate) master_dir: String,
    /// Where an agent has what it recovers from, and the tasks' files: below `/var/lib/mesos` or
    /// `/srv/mesos`.
    pub(crate) agent_dir: String,
    /// What keeps tasks apart. Those of `cgroups/` need a machine with the first version of cgroups.
    #[schemars(regex(pattern = r"^[a-z0-9_/]+(,[a-z0-9_/]+)*$"))]
    pub(crate) isolation: String,
    /// What runs tasks: `mesos` or `docker,mesos`.
    #[schemars(regex(pattern = r"^(mesos|docker|docker,mesos|mesos,docker)$"))]
    pub(crate) containerizers: String,
    /// Attributes of all agents, beside those that a machine's roles, tags and zone make.
    pub(crate) attributes: BTreeMap<String, String>,
    /// How many processors an agent offers, if not all.
    #[schemars(range(min = 0.1))]
    pub(crate) cpus: Option<f64>,
    /// How many megabytes of memory an agent offers, if not what Mesos takes for free.
    #[schemars(range(min = 32))]
    pub(crate) memory: Option<u32>,
    /// How many megabytes of its disk an agent offers, if not what Mesos takes for free.
    #[schemars(range(min = 32))]
    pub(crate) disk: Option<u32>,
    /// The ports that tasks get, `first-last`.
    #[schemars(regex(pattern = r"^[1-9][0-9]{0,4}-[1-9][0-9]{0,4}$"))]
    pub(crate) task_ports: String,
    /// Users beside root whom tasks may run as: agents get them.
    pub(crate) task_users: Vec<String>,
    /// What agents and frameworks show to be let in; without it anybody is.
    pub(crate) credential: Option<Credential>,
    /// How many agents may be given up as lost in what time, `1/20mins`: not all at once when a
    /// network breaks.
    #[schemars(regex(pattern = r"^[1-9][0-9]*/[1-9][0-9]*(secs|mins|hrs|days)$"))]
    pub(crate) agent_removal_rate: String,
    /// How long an executor may take to come up; images of containers have to be fetched in it.
    #[schemars(regex(pattern = r"^[1-9][0-9]*(secs|mins|hrs)$"))]
    pub(crate) registration_timeout: String,
    /// Lets the registry go where too few of the masters have it: agents register anew, and
    /// maintenance, quotas and who was given up as lost are forgotten.
    pub(crate) forget_registry: bool,
    /// Further flags of masters, without the dashes.
    pub(crate) master_options: BTreeMap<String, String>,
    /// Further flags of agents, without the dashes.
    pub(crate) agent_options: BTreeMap<String, String>,
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
            cluster_name: None,
            master_role: "mesos-master".to_owned(),
            agent_role: "mesos-agent".to_owned(),
            zk_path: "/mesos".to_owned(),
            master_port: 5050,
            agent_port: 5051,
            master_dir: "/var/lib/mesos/master".to_owned(),
            agent_dir: "/var/lib/mesos/agent".to_owned(),
            isolation: "posix/cpu,posix/mem".to_owned(),
            containerizers: "mesos".to_owned(),
            attributes: BTreeMap::new(),
            cpus: None,
            memory: None,
            disk: None,
            task_ports: "31000-32000".to_owned(),
            task_users: Vec::new(),
            credential: None,
            agent_removal_rate: "1/20mins".to_owned(),
            registration_timeout: "5mins".to_owned(),
            forget_registry: false,
            master_options: BTreeMap::new(),
            agent_options: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// Tells whether a machine is to be a master.
    pub(crate) fn is_master(&self, machine: &Machine) -> bool {
        machine.has_role(&self.master_role)
    }

    /// Tells whether a machine is to run tasks.
    pub(crate) fn is_agent(&self, machine: &Machine) -> bool {
        machine.has_role(&self.agent_role)
    }

    /// Returns the first and the last port of tasks.
    pub(crate) fn ports_of_tasks(&self) -> Option<(u16, u16)> {
        let (first, last) = self.task_ports.split_once('-')?;
        Some((first.parse().ok()?, last.parse().ok()?)).filter(|(first, last)| first <= last)
    }
}
