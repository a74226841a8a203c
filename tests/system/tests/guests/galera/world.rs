//! Servers that keep Galera's rules, as far as they matter here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use cellhost_effects::Answer;
use cellhost_transport::{Command, Package, SimulatedMachine, State};

use crate::stage::Stage;

pub(crate) const HISTORY: &str = "8bcf4a34-aedb-14e5-bcc3-d3e36277729f";
pub(crate) const DATA: &str = "/var/lib/mysql";
pub(crate) const GRASTATE: &str = "/var/lib/mysql/grastate.dat";
const BEGINNING: &str = "/run/mariadb-wsrep-new-cluster";
const SCRIPT: &str = "/etc/mysql/cell/account.sql";
const PRIVILEGES: &str = "RELOAD\nPROCESS\nLOCK TABLES\nBINLOG MONITOR\nSLAVE MONITOR\n";

/// The servers of the three machines.
#[derive(Clone, Default)]
pub(crate) struct World(Arc<Mutex<Servers>>);

/// What there is to know about them.
#[derive(Default)]
pub(crate) struct Servers {
    /// Those that serve, by the number of their machine.
    pub(crate) living: BTreeSet<u8>,
    /// Every start, in order: whose, and whether it began a cluster.
    pub(crate) starts: Vec<(u8, bool)>,
    /// How far each is.
    pub(crate) positions: BTreeMap<u8, i64>,
    /// The passwords of accounts, by their names.
    pub(crate) accounts: BTreeMap<String, String>,
    /// The fewest that served beside one that was started.
    pub(crate) fewest: Option<usize>,
    /// The versions of those that have another one than usual.
    pub(crate) versions: BTreeMap<u8, &'static str>,
    /// Tables of other engines.
    pub(crate) strays: Vec<&'static str>,
    /// How many KiB the data has on each machine that has some, and how many are free on any.
    pub(crate) size: u64,
    pub(crate) free: u64,
}

impl Servers {
    /// What an account logs in with.
    pub(crate) fn password(&self, account: &str) -> Option<&str> {
        self.accounts.get(account).map(String::as_str)
    }
}

impl World {
    /// Puts the servers onto the machines of a stage.
    pub(crate) fn on(stage: &Stage) -> Self {
        let world = Self::default();
        world.servers().free = 1 << 30;
        for (number, machine) in (1..).zip(stage.fleet.machines()) {
            world.prepare(number, machine);
        }
        world
    }

    /// What there is to know.
    pub(crate) fn servers(&self) -> MutexGuard<'_, Servers> {
        self.0.lock().expect("nobody panicked")
    }

    /// Kills the server of a machine, which leaves its position to its data alone.
    pub(crate) fn kill(&self, number: u8, state: &mut State) {
        self.servers().living.remove(&number);
        if let Some(service) = state.services.get_mut("mariadb") {
            service.running = false;
        }
        state.write(GRASTATE, grastate(-1, 0));
    }

    fn prepare(&self, number: u8, machine: &SimulatedMachine) {
        let server = Package::new("10.11.19")
            .with_service("mariadb")
            .with_user("mysql")
            .with_file("/etc/mysql/mariadb.conf.d/50-server.cnf", "[mysqld]\n")
            .with_file("/var/lib/mysql/ibdata1", "")
            .with_file("/var/lib/mysql/mysql/plugin.frm", "");
        machine.state().offer("mariadb-server", server);
        for name in ["galera-4", "mariadb-backup", "socat"] {
            machine.state().offer(name, Package::new("1"));
        }
        machine.answer(&["sleep", "1"], |_, _| 0.into());
        let world = self.clone();
        machine.answer(&["du", "-sk", DATA], move |state, _| {
            let size = world.servers().size;
            let size = if state.text(GRASTATE).is_some() {
                size
            } else {
                4
            };
            format!("{size}\t{DATA}\n").as_str().into()
        });
        let world = self.clone();
        machine.answer(&["df", "-Pk", DATA], move |_, _| {
            let free = world.servers().free;
            let head = "Filesystem 1024-blocks Used Available Capacity Mounted on";
            format!("{head}\n/dev/vda 9000000 1 {free} 1% /\n")
                .as_str()
                .into()
        });
        machine.answer(&["systemctl", "is-active", "mariadb"], |state, _| {
            let runs = state.services.get("mariadb").is_some_and(|one| one.running);
            let word = if runs { "active\n" } else { "inactive\n" };
            word.into()
        });
        let world = self.clone();
        machine.answer(&["galera_recovery"], move |_, _| {
            let servers = world.servers();
            let position = servers.positions.get(&number).copied().unwrap_or(-1);
            format!("--wsrep_start_position={HISTORY}:{position}\n")
                .as_str()
                .into()
        });
        let world = self.clone();
        machine.answer(
            &["mariadb", "--no-defaults", ".."],
            move |state, command| world.told(number, state, command),
        );
        let world = self.clone();
        machine.start("mariadb", move |state| world.start(number, state));
    }

    /// What the client of the database answers.
    fn told(&self, number: u8, state: &mut State, command: &Command) -> Answer {
        let mut servers = self.servers();
        if !servers.living.contains(&number) {
            return Answer {
                status: 1,
                output: Vec::new(),
                errors: b"ERROR 2002 (HY000): Can't connect to local server\n".to_vec(),
            };
        }
        let statements = command.argv.last().map_or("", String::as_str);
        let is_source = statements.starts_with("source ");
        if is_source {
            let script = state.text(SCRIPT).unwrap_or_default();
            let between = |from: &str, to: &str| {
                let rest = script.split(from).nth(1);
                let found = rest.and_then(|rest| rest.split(to).next());
                // As the server reads a text between quotes.
                found.map(|text| text.replace("''", "'").replace("\\\\", "\\"))
            };
            let name = between("ALTER USER '", "'@");
            let password = between("IDENTIFIED BY '", "';");
            servers.accounts.extend(name.zip(password));
            return 0.into();
        }
        let mut words = command.argv.iter();
        let user = words.find_map(|word| word.strip_prefix("--user="));
        if let Some(user) = user.filter(|user| *user != "root") {
            let variable = |(name, _): &&(String, String)| name == "MYSQL_PWD";
            let given = command.environment.iter().find(variable);
            let known = servers.accounts.get(user);
            let is_right = given.is_some() && given.map(|(_, value)| value) == known;
            return if is_right {
                PRIVILEGES.into()
            } else {
                1.into()
            };
        }
        if statements.contains("information_schema.TABLES") {
            return servers.strays.join("\n").as_str().into();
        }
        let size = servers.living.len();
        let version = servers.versions.get(&number).unwrap_or(&"10.11.19");
        format!(
            "wsrep_local_state_comment\tSynced\nwsrep_cluster_size\t{size}\n\
             wsrep_cluster_state_uuid\t{HISTORY}\nwsrep_cluster_status\tPrimary\nwsrep_ready\tON\n\
             wsrep_on\tON\nwsrep_cluster_name\tstage\nversion\t{version}-MariaDB\n"
        )
        .as_str()
        .into()
    }

    /// Starts a server: it begins a cluster if it is told to, or joins one.
    fn start(&self, number: u8, state: &mut State) -> Result<(), String> {
        let mut servers = self.servers();
        servers.living.remove(&number);
        let begins = state.text(BEGINNING).is_some();
        let others = servers.living.len();
        servers.starts.push((number, begins));
        let known = state.text(GRASTATE).unwrap_or_default().to_owned();
        let refused = known.contains("safe_to_bootstrap: 0");
        if begins && refused {
            return Err("It may not be safe to bootstrap the cluster from this node".to_owned());
        }
        if !begins && others == 0 {
            return Err("failed to reach primary view".to_owned());
        }
        if !begins && known.is_empty() && !servers.accounts.contains_key("sst") {
            return Err("SST failed: the donor cannot log in".to_owned());
        }
        if !begins {
            let fewest = servers.fewest.map_or(others, |fewest| fewest.min(others));
            servers.fewest = Some(fewest);
        }
        let newest = servers.positions.values().max().copied().unwrap_or(0);
        servers.positions.insert(number, newest);
        servers.living.insert(number);
        state.write(GRASTATE, grastate(-1, 0));
        Ok(())
    }
}

/// What a server writes about itself.
pub(crate) fn grastate(position: i64, safe: u8) -> String {
    format!(
        "# GALERA saved state\nversion: 2.1\nuuid:    {HISTORY}\nseqno:   {position}\n\
         safe_to_bootstrap: {safe}\n"
    )
}
