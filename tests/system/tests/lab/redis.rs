//! A Redis cluster as its own members see it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::site::{Ran, Site, eventually};

/// How the tests log in.
pub(crate) const PASSWORD: &str = "open-sesame";
/// How somebody else logs in: with what files may take for something else.
pub(crate) const OTHER: &str = r#"o"t\h%e;r#1"#;
/// What a plan takes from the environment.
pub(crate) const VARIABLES: [(&str, &str); 2] = [("REDIS_PASSWORD", PASSWORD), ("OTHER", OTHER)];

const MASTER_PORT: u16 = 7000;
const REPLICA_PORT: u16 = 7001;

/// What one member says of the cluster.
#[derive(Debug)]
pub(crate) struct View {
    /// Its `CLUSTER INFO`.
    pub(crate) info: BTreeMap<String, String>,
    /// Its `CLUSTER NODES`.
    pub(crate) nodes: Vec<Node>,
}

/// One instance.
#[derive(Debug)]
pub(crate) struct Node {
    id: String,
    address: String,
    flags: BTreeSet<String>,
    master: Option<String>,
}

impl Site {
    /// Puts a plan into place with a cluster on these machines (`"m[1-3]"`), and these settings more.
    pub(crate) fn plan_of_redis(&self, on: &str, settings: &str) -> Result<()> {
        self.plan(&format!(
            "[secrets]\nredis-password = {{ env = \"REDIS_PASSWORD\" }}\n\
             other = {{ env = \"OTHER\" }}\n\n[modules.redis-cluster]\non = {on}\n\
             settings = {{ password = {{ secret = \"redis-password\" }}{settings} }}\n"
        ))
    }

    /// Puts the example's plan into place.
    pub(crate) fn plan_of_the_example(&self) -> Result<()> {
        let example = cellhost_system_tests::root().join("examples/redis-cluster/plan.toml");
        fs_err::copy(example, self.path().join("plan.toml"))?;
        Ok(())
    }

    /// Runs the plan with the passwords in the environment.
    pub(crate) fn run_redis(&self, options: &[&str]) -> Result<Ran> {
        self.run(options, &VARIABLES)
    }

    /// Runs the plan, and fails unless it is refused for this.
    pub(crate) fn is_refused(&self, place: &str, why: &str) -> Result<()> {
        let ran = self.run_redis(&["--format", "json"])?;
        let (status, reason) = ran.turn("redis-cluster", place)?;
        assert_eq!(status, "failed", "{}", ran.written());
        assert!(reason.contains(&format!("refused: {why}")), "{reason}");
        Ok(())
    }

    /// Fails unless nothing is left to do, and Redis' own program finds nothing wrong.
    pub(crate) fn assert_settled(&self, machines: &[u16]) -> Result<()> {
        let again = self.run_redis(&["--format", "json"])?.ends_with(0);
        assert_eq!(again.changes()?, 0, "{}", again.written());
        for machine in machines {
            self.assert_sees(*machine, machines)?;
            let told = self.on(
                *machine,
                &format!("REDISCLI_AUTH={PASSWORD} redis-cli --cluster check 127.0.0.1:7000 2>&1"),
            )?;
            assert!(told.contains("[OK] All 16384 slots covered."), "{told}");
            assert!(
                !told.contains("WARNING") && !told.contains("[ERR]"),
                "{told}"
            );
        }
        Ok(())
    }

    /// Fails unless a machine sees these machines as the module promises. Who takes a place back tells
    /// the others, and one that has just started hears it a moment later.
    #[track_caller]
    pub(crate) fn assert_sees(&self, machine: u16, machines: &[u16]) -> Result<()> {
        eventually("it sees as many masters", Duration::from_secs(10), || {
            Ok(self.view(machine)?.masters().len() == machines.len())
        })?;
        self.view(machine)?.assert_as_planned(machines);
        Ok(())
    }

    /// How many keys the masters of these machines have.
    pub(crate) fn keys(&self, machines: &[u16]) -> Result<u64> {
        let mut keys = 0;
        for machine in machines {
            keys += self
                .redis(*machine, MASTER_PORT, "DBSIZE")?
                .parse::<u64>()?;
        }
        Ok(keys)
    }

    /// Asks an instance something.
    pub(crate) fn redis(&self, machine: u16, port: u16, words: &str) -> Result<String> {
        let command = format!("REDISCLI_AUTH={PASSWORD} redis-cli -c -e -p {port} {words}");
        self.on(machine, &command)
    }

    /// Sets so many keys, through one machine.
    pub(crate) fn write_keys(&self, machine: u16, count: u64) -> Result<()> {
        let command = format!(
            "export REDISCLI_AUTH={PASSWORD}; for n in $(seq {count}); do echo SET key:$n value:$n; \
             done | redis-cli -c -e -p {MASTER_PORT} | grep -c OK"
        );
        let written: u64 = self.on(machine, &command)?.parse()?;
        anyhow::ensure!(written == count, "only {written} of {count} keys were set");
        Ok(())
    }

    /// Fails unless all these keys can be read, through one machine.
    pub(crate) fn assert_keys(&self, machine: u16, count: u64) -> Result<()> {
        let command = format!(
            "export REDISCLI_AUTH={PASSWORD}; for n in $(seq {count}); do echo GET key:$n; done \
             | redis-cli -c -e -p {MASTER_PORT} | grep value"
        );
        let read = self.on(machine, &command)?;
        let values = read.lines().map(|line| line.trim_matches('"').to_owned());
        let wanted = (1..=count).map(|number| format!("value:{number}"));
        assert!(values.eq(wanted), "{read}");
        Ok(())
    }

    /// How a machine's first instance sees the cluster.
    pub(crate) fn view(&self, machine: u16) -> Result<View> {
        let info = self.redis(machine, MASTER_PORT, "CLUSTER INFO")?;
        let nodes = self.redis(machine, MASTER_PORT, "CLUSTER NODES")?;
        let pairs = info.lines().filter_map(|line| line.trim().split_once(':'));
        Ok(View {
            info: pairs
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            nodes: nodes.lines().map(Node::parse).collect::<Result<_>>()?,
        })
    }

    /// How many keys all instances of these machines have, each copy counted.
    pub(crate) fn copies(&self, machines: &[u16]) -> Result<u64> {
        let mut copies = 0;
        for machine in machines {
            for port in [MASTER_PORT, REPLICA_PORT] {
                copies += self.redis(*machine, port, "DBSIZE")?.parse::<u64>()?;
            }
        }
        Ok(copies)
    }
}

impl Node {
    fn parse(line: &str) -> Result<Self> {
        let mut words = line.split_whitespace();
        let mut next = || words.next().with_context(|| line.to_owned());
        let (id, place, flags, master) = (next()?, next()?, next()?, next()?);
        let address = place.split(':').next().context("an address")?;
        Ok(Self {
            id: id.to_owned(),
            address: address.to_owned(),
            flags: flags.split(',').map(str::to_owned).collect(),
            master: Some(master.to_owned()).filter(|master| master != "-"),
        })
    }

    fn is(&self, flag: &str) -> bool {
        self.flags.contains(flag)
    }
}

impl View {
    fn at(&self, key: &str) -> &str {
        self.info.get(key).map_or("", String::as_str)
    }

    /// Whether all slots are served.
    pub(crate) fn is_ok(&self) -> bool {
        self.at("cluster_state") == "ok" && self.at("cluster_slots_ok") == "16384"
    }

    /// The machines of the masters that are not lost, one for each master, sorted.
    pub(crate) fn masters(&self) -> Vec<&str> {
        let masters = self.nodes.iter().filter(|node| {
            node.is("master") && !node.flags.iter().any(|flag| flag.starts_with("fail"))
        });
        let mut machines: Vec<&str> = masters.map(|node| node.address.as_str()).collect();
        machines.sort_unstable();
        machines
    }

    /// Fails unless these machines are as the module promises: one master to a machine, and no
    /// replica on the machine of its master.
    #[track_caller]
    pub(crate) fn assert_as_planned(&self, machines: &[u16]) {
        let count = machines.len();
        let is = |key: &str, value: usize| {
            assert_eq!(self.at(key), value.to_string(), "{self:?}");
        };
        assert!(self.is_ok(), "{self:?}");
        is("cluster_slots_assigned", 16384);
        is("cluster_known_nodes", 2 * count);
        is("cluster_size", count);
        let machines: Vec<String> = machines
            .iter()
            .map(|one| format!("10.77.0.{one}"))
            .collect();
        assert_eq!(self.masters(), machines, "{self:?}");
        let replicas: Vec<&Node> = self
            .nodes
            .iter()
            .filter(|node| node.master.is_some())
            .collect();
        assert_eq!(replicas.len(), count, "{self:?}");
        let mut followed = BTreeSet::new();
        for replica in replicas {
            let master = self
                .nodes
                .iter()
                .find(|node| Some(&node.id) == replica.master.as_ref());
            let master = master.expect("a replica has a master");
            assert_ne!(master.address, replica.address, "{self:?}");
            followed.insert(&master.id);
        }
        assert_eq!(followed.len(), count, "{self:?}");
        assert!(self.nodes.iter().all(|node| !node.is("fail")), "{self:?}");
    }
}
