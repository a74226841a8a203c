use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::super::contestant::{Contestant, Half};
use super::super::fleet::Order;
use super::super::job::{self, Job};
use super::super::{floor, peers};

/// How many seconds peers wait for a connection. With what is theirs by default, ten, they fail on a
/// computer that is busy with fifty machines of its own.
const PATIENCE: u8 = 60;

/// The key exchange that pyinfra's ssh prefers, where ssh itself prefers one that takes seven times as
/// much computing.
const PYINFRAS_KEYS: &str = "key-exchange = \"curve25519-sha256@libssh.org\"\n";

/// How each contestant is called.
pub(super) struct Commands<'a> {
    order: &'a Order,
    /// Short, because control sockets are in it.
    folder: tempfile::TempDir,
    configuration: PathBuf,
    job: PathBuf,
    sources: PathBuf,
}

impl<'a> Commands<'a> {
    /// Writes everything that contestants read.
    pub(super) fn new(order: &'a Order, job: &Job) -> Result<Self> {
        let configuration = std::env::var_os("CELLHOST_SSH_CONFIG");
        let configuration = PathBuf::from(configuration.context("this is not inside a lab")?);
        let folder = tempfile::Builder::new()
            .prefix("cellhost-bench-")
            .tempdir()?;
        let commands = Self {
            order,
            folder,
            configuration,
            job: job.folder.clone(),
            sources: Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bench/peers"),
        };
        for contestant in Contestant::ALL {
            fs_err::create_dir(commands.sockets(contestant))?;
        }
        floor::write(job, &order.machines, commands.folder.path())?;
        commands.write_plan(commands.folder.path(), "")?;
        commands.write_plan(&commands.alike(), PYINFRAS_KEYS)?;
        commands.write_ansible()?;
        commands.write_pyinfra()?;
        Ok(commands)
    }

    /// Returns the ssh configuration that all of them use.
    pub(super) fn configuration(&self) -> &Path {
        &self.configuration
    }

    /// Returns how a contestant is called.
    pub(super) fn of(&self, contestant: Contestant, half: Half) -> Result<Command> {
        let mut command = match contestant {
            Contestant::FloorFresh => self.floor(half, None),
            Contestant::FloorMasters => self.floor(half, Some(&self.sockets(contestant))),
            Contestant::CellhostCold | Contestant::CellhostAlike | Contestant::CellhostWarm => {
                self.cellhost(contestant)
            }
            Contestant::Pyinfra => self.pyinfra(),
            Contestant::Mitogen | Contestant::Ansible => self.ansible(contestant)?,
        };
        command.current_dir(match contestant {
            Contestant::CellhostAlike => self.alike(),
            _ => self.folder.path().to_owned(),
        });
        Ok(command)
    }

    /// Forgets the connections of a contestant, which are gone.
    pub(super) fn forget(&self, contestant: Contestant) -> Result<()> {
        let sockets = self.sockets(contestant);
        fs_err::remove_dir_all(&sockets)?;
        fs_err::create_dir(sockets)?;
        Ok(())
    }

    /// Where the plan is that has pyinfra's key exchange.
    fn alike(&self) -> PathBuf {
        self.folder.path().join("alike")
    }

    fn sockets(&self, contestant: Contestant) -> PathBuf {
        let number = Contestant::ALL.iter().position(|one| *one == contestant);
        self.folder.path().join(format!("s{}", number.unwrap_or(0)))
    }

    fn floor(&self, half: Half, sockets: Option<&Path>) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", floor::DRIVE, "sh"])
            .arg(&self.configuration)
            .arg(self.folder.path())
            .arg(match half {
                Half::First => floor::FIRST,
                Half::NoOp => floor::NO_OP,
            })
            .arg(sockets.unwrap_or(Path::new("")))
            .arg("")
            .args(self.order.machines.iter().map(|machine| &machine.name));
        command
    }

    fn cellhost(&self, contestant: Contestant) -> Command {
        let mut command = job::run(&self.order.program, &self.order.place);
        command.env("XDG_RUNTIME_DIR", self.sockets(contestant));
        command
    }

    fn pyinfra(&self) -> Command {
        let mut command = Command::new(peers::PYINFRA.program(&self.order.place, "pyinfra"));
        command
            .args(["--yes", "--parallel", "50", "inventory.py"])
            .arg(self.sources.join("deploy.py"))
            .env("BENCH_JOB", &self.job);
        command
    }

    fn ansible(&self, contestant: Contestant) -> Result<Command> {
        let place = &self.order.place;
        let mut command = Command::new(peers::ANSIBLE.program(place, "ansible-playbook"));
        let mut job = std::ffi::OsString::from("@");
        job.push(self.job.join("job.json"));
        let folder = serde_json::json!({ "folder": self.job }).to_string();
        command
            .args(["--inventory", "inventory.json", "--extra-vars"])
            .arg(job)
            .args(["--extra-vars", &folder])
            .arg(self.sources.join("playbook.yml"))
            .env("ANSIBLE_CONFIG", self.folder.path().join("ansible.cfg"))
            .env("ANSIBLE_HOME", self.folder.path().join("ansible"))
            .env("ANSIBLE_SSH_CONTROL_PATH_DIR", self.sockets(contestant))
            .env("LC_ALL", "C.UTF-8");
        if contestant == Contestant::Mitogen {
            command
                .env("ANSIBLE_STRATEGY_PLUGINS", peers::strategies(place)?)
                .env("ANSIBLE_STRATEGY", "mitogen_linear");
        }
        Ok(command)
    }

    fn write_plan(&self, folder: &Path, ssh: &str) -> Result<()> {
        fs_err::create_dir_all(folder)?;
        let mut plan = format!("cell = \"bench\"\n\n[ssh]\nuser = \"root\"\n{ssh}\n[machines]\n");
        for machine in &self.order.machines {
            // Writing to a string does not fail.
            let _ = writeln!(
                plan,
                "{} = {{ address = \"{}\" }}",
                machine.name, machine.address
            );
        }
        let _ = writeln!(plan, "\n[modules.{}]\non = \"all\"", job::MODULE);
        fs_err::write(folder.join("plan.toml"), plan)?;
        let modules = folder.join("modules");
        fs_err::create_dir(&modules)?;
        let file = format!("{}.wasm", job::MODULE);
        let built = self.order.place.with_file_name("guests").join(&file);
        fs_err::copy(built, modules.join(file))?;
        Ok(())
    }

    fn write_ansible(&self) -> Result<()> {
        let hosts: serde_json::Map<String, serde_json::Value> = self
            .order
            .machines
            .iter()
            .map(|machine| {
                let variables = serde_json::json!({ "ansible_host": machine.address });
                (machine.name.clone(), variables)
            })
            .collect();
        let inventory = serde_json::json!({ "all": { "hosts": hosts } });
        let text = serde_json::to_string_pretty(&inventory)?;
        fs_err::write(self.folder.path().join("inventory.json"), text)?;
        let configuration = self.configuration.display();
        let text = format!(
            "[defaults]\nforks = 50\ntimeout = {PATIENCE}\ngathering = explicit\nremote_user = root\n\
             interpreter_python = /usr/bin/python3\nretry_files_enabled = false\n\n\
             [ssh_connection]\npipelining = true\n\
             ssh_args = -F \"{configuration}\" -o ControlMaster=auto -o ControlPersist=120s\n"
        );
        fs_err::write(self.folder.path().join("ansible.cfg"), text)?;
        Ok(())
    }

    fn write_pyinfra(&self) -> Result<()> {
        let lab = self.configuration.parent().unwrap_or(Path::new("/"));
        let patience = format!("from pyinfra import config\nconfig.CONNECT_TIMEOUT = {PATIENCE}\n");
        fs_err::write(self.folder.path().join("config.py"), patience)?;
        let common = serde_json::json!({
            "ssh_user": "root",
            "ssh_key": lab.join("key"),
            "ssh_known_hosts_file": lab.join("known_hosts"),
        });
        let hosts: Vec<serde_json::Value> = self
            .order
            .machines
            .iter()
            .map(|machine| serde_json::json!([machine.name, { "ssh_hostname": machine.address }]))
            .collect();
        // What JSON writes here, Python reads as it is.
        let text = format!(
            "machines = ([(name, data) for name, data in {}], {common})\n",
            serde_json::Value::from(hosts)
        );
        fs_err::write(self.folder.path().join("inventory.py"), text)?;
        Ok(())
    }
}
