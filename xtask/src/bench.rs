//! `cargo xtask bench`: the same job by cellhost, by its peers and by bare scripts, measured.
//!
//! The machines and everything that is measured live in a lab. What runs inside the lab's network
//! is this program again, told so by `--inside`.

mod contestant;
mod fleet;
mod floor;
mod group;
mod inside;
mod inspection;
mod job;
mod machine;
pub(crate) mod pace;
mod peers;
mod ratios;
mod report;
mod sample;
mod scale;
mod table;

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::guests::{self, Workshop};
use crate::setup;
use crate::step::step;
use contestant::Contestant;
use fleet::Fleet;
use sample::Samples;

/// What `cargo xtask bench` is told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many machines the job is done on, one fleet after the other.
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [3, 10, 50])]
    machines: Vec<u16>,

    /// Ends with an error where a ratio falls short of what is promised.
    #[arg(long)]
    check: bool,

    /// One round of each, without the slowest peer: shows that the bench works.
    #[arg(long)]
    short: bool,

    /// Only these contestants.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<Contestant>,

    /// Not these contestants.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    without: Vec<Contestant>,

    /// Measures this cellhost instead of building one.
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,

    /// On how many addresses cellhost alone is measured; 0 leaves that out.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    scale: usize,

    /// Measures in namespaces of its own what this file says.
    #[arg(long, value_name = "FILE", hide = true)]
    inside_scale: Option<PathBuf>,

    /// Measures inside a lab what this file says.
    #[arg(long, value_name = "FILE", hide = true)]
    inside: Option<PathBuf>,
}

impl Arguments {
    fn contestants(&self) -> Result<Vec<Contestant>> {
        let all = Contestant::ALL.into_iter().filter(|contestant| {
            let chosen = self.only.is_empty() || self.only.contains(contestant);
            let slow = self.short && *contestant == Contestant::Ansible && self.only.is_empty();
            chosen && !slow && !self.without.contains(contestant)
        });
        let chosen: Vec<Contestant> = all.collect();
        ensure!(!chosen.is_empty(), "nobody is left to measure");
        if self.check {
            ensure!(
                self.machines.contains(&ratios::MACHINES),
                "what is promised is about {} machines",
                ratios::MACHINES
            );
        }
        Ok(chosen)
    }
}

/// Measures, writes what came of it and judges it.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if let Some(file) = &arguments.inside {
        return inside::run(file);
    }
    if let Some(file) = &arguments.inside_scale {
        return scale::run(file);
    }
    let contestants = arguments.contestants()?;
    let workshop = Workshop::here()?;
    step("what this computer needs", || {
        setup::ensure(&[setup::LAB, setup::PEERS])
    })?;
    let place = workshop.root().join("target/bench");
    fs_err::create_dir_all(&place)?;
    step("peers", || peers::build(&place, &contestants))?;
    step("modules", || {
        let mut names = guests::modules(&workshop)?;
        names.push(job::MODULE.to_owned());
        guests::build(&workshop, &names)
    })?;
    let program = match &arguments.program {
        Some(program) => fs_err::canonicalize(program)?,
        None => step("cellhost", || fleet::build_program(&workshop))?,
    };
    let fleet = Fleet::new(&workshop, &place, &program);
    let mut samples = Samples::default();
    for machines in sorted(&arguments.machines) {
        let measured = step(&format!("{machines} machines"), || {
            fleet.measure(machines, &contestants, arguments.short)
        });
        samples.extend(measured?);
    }
    let addresses = match arguments.scale {
        many if arguments.short => many.min(20),
        many => many,
    };
    let runs = match addresses {
        0 => Vec::new(),
        many => step(&format!("{many} addresses"), || {
            scale::measure(&place, &program, many)
        })?,
    };
    let paces = step("no machines", || pace::measure(&place, &program))?;
    let circumstances = report::Circumstances::now(&program, arguments.short)?;
    report::write(&workshop, &place, &circumstances, &samples, &runs, &paces)?;
    let mut open: Vec<String> = ratios::judge(&samples)
        .iter()
        .filter(|ratio| !ratio.is_met())
        .map(ToString::to_string)
        .collect();
    open.extend(scale::judge(&runs));
    open.extend(pace::judge(&paces));
    for open in &open {
        eprintln!("falls short: {open}");
    }
    if arguments.check {
        let unknown = ratios::unknown(&samples);
        ensure!(unknown.is_empty(), "not measured: {}", unknown.join(", "));
        ensure!(!runs.is_empty(), "not measured: many addresses");
        ensure!(open.is_empty(), "{} promises are not kept", open.len());
    }
    Ok(())
}

fn sorted(machines: &[u16]) -> Vec<u16> {
    let mut machines = machines.to_vec();
    machines.sort_unstable();
    machines.dedup();
    machines
}
