use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use super::super::fleet::Order;
use super::super::floor;
use super::super::group::Group;
use super::super::inspection::{self, Finding};
use super::super::job::Job;

/// The bench's own hand on the machines: takes the job off them and looks at them, over
/// connections that no contestant sees.
pub(super) struct Hand {
    group: Group,
    folder: tempfile::TempDir,
    configuration: PathBuf,
    machines: Vec<String>,
}

const REMOVE: &str = "remove";
const INSPECT: &str = "inspect";

impl Hand {
    /// Prepares scripts; connects when first used.
    pub(super) fn new(order: &Order, job: &Job, configuration: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("cellhost-hand-")
            .tempdir()?;
        for place in ["sockets", "answers"] {
            fs_err::create_dir(folder.path().join(place))?;
        }
        let removal = inspection::removal(job);
        for machine in &order.machines {
            let path = |ending: &str| folder.path().join(format!("{}.{ending}", machine.name));
            fs_err::write(path(REMOVE), &removal)?;
            fs_err::write(path(INSPECT), inspection::script(job, machine)?)?;
        }
        floor::write(job, &order.machines, folder.path())?;
        let machines = order.machines.iter().map(|machine| machine.name.clone());
        Ok(Self {
            group: Group::new("hand")?,
            configuration: configuration.to_owned(),
            machines: machines.collect(),
            folder,
        })
    }

    /// Takes the job off every machine.
    pub(super) fn remove(&self) -> Result<()> {
        self.drive(REMOVE)
    }

    /// Does the job on every machine.
    pub(super) fn put(&self) -> Result<()> {
        self.drive(floor::FIRST)
    }

    /// Asks every machine how it is.
    pub(super) fn inspect(&self) -> Result<BTreeMap<String, Finding>> {
        self.drive(INSPECT)?;
        let mut findings = BTreeMap::new();
        for machine in &self.machines {
            let told = fs_err::read_to_string(self.folder.path().join("answers").join(machine))?;
            findings.insert(machine.clone(), Finding::parse(&told)?);
        }
        Ok(findings)
    }

    fn drive(&self, ending: &str) -> Result<()> {
        let folder = self.folder.path();
        let mut command = Command::new("sh");
        command
            .args(["-c", floor::DRIVE, "sh"])
            .arg(&self.configuration)
            .arg(folder)
            .arg(ending)
            .arg(folder.join("sockets"))
            .arg(folder.join("answers"))
            .args(&self.machines);
        let log = folder.join("log");
        let status = self.group.spawn(&command, &log)?.wait()?;
        ensure!(
            status.success() || ending == INSPECT,
            "cannot {ending} on every machine: {}",
            super::tail(&log)
        );
        Ok(())
    }
}
