use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::contestant::Contestant;
use super::machine::{self, Machine};
use super::sample::Samples;
use crate::guests::Workshop;
use crate::step::{output, succeed};

/// The lab of the bench.
pub(super) struct Fleet {
    root: PathBuf,
    place: PathBuf,
    program: PathBuf,
    lab: PathBuf,
}

/// What to measure, told to the part of this program that runs inside the lab's network.
#[derive(Serialize, Deserialize)]
pub(super) struct Order {
    /// Where the bench keeps its things.
    pub(super) place: PathBuf,
    /// The cellhost to measure.
    pub(super) program: PathBuf,
    /// On which machines.
    pub(super) machines: Vec<Machine>,
    /// Who takes part.
    pub(super) contestants: Vec<Contestant>,
    /// Whether one round is enough.
    pub(super) short: bool,
    /// Where the samples go.
    pub(super) answer: PathBuf,
}

/// Builds the program as people get it.
pub(super) fn build_program(workshop: &Workshop) -> Result<PathBuf> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workshop.root());
    succeed(cargo.args(["build", "--release", "--package", "cellhost"]))?;
    Ok(workshop.root().join("target/release/cellhost"))
}

impl Fleet {
    /// Names the lab; nothing is up yet.
    pub(super) fn new(workshop: &Workshop, place: &Path, program: &Path) -> Self {
        Self {
            root: workshop.root().to_owned(),
            place: place.to_owned(),
            program: program.to_owned(),
            lab: place.join("lab"),
        }
    }

    /// Brings so many machines up, measures, and takes them down again, come what may.
    pub(super) fn measure(
        &self,
        machines: u16,
        contestants: &[Contestant],
        short: bool,
    ) -> Result<Samples> {
        // What an interrupted bench left.
        succeed(&mut self.lab(&["down"]))?;
        let measured = self.measure_up(machines, contestants, short);
        let down = succeed(&mut self.lab(&["down"]));
        let samples = measured?;
        down?;
        Ok(samples)
    }

    fn measure_up(
        &self,
        machines: u16,
        contestants: &[Contestant],
        short: bool,
    ) -> Result<Samples> {
        let count = machines.to_string();
        let inventory = output(&mut self.lab(&["up", &count, "--image", "python"]))?;
        let answer = self.place.join("samples.json");
        let order = Order {
            place: self.place.clone(),
            program: self.program.clone(),
            machines: machine::parse(&inventory),
            contestants: contestants.to_vec(),
            short,
            answer: answer.clone(),
        };
        let file = self.place.join("order.json");
        fs_err::write(&file, serde_json::to_string_pretty(&order)?)?;
        let own = std::env::current_exe().context("where is this program?")?;
        let mut inside = self.lab(&["exec", "--"]);
        inside.arg(own).args(["bench", "--inside"]).arg(&file);
        succeed(&mut inside)?;
        Ok(serde_json::from_str(&fs_err::read_to_string(answer)?)?)
    }

    fn lab(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("lab")
            .args(words)
            .env("CELLHOST_LAB_DIR", &self.lab)
            .current_dir(&self.root);
        command
    }
}
