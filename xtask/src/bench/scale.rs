//! A thousand addresses: one sshd behind all of them, files of their own behind each.

mod village;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::group::Group;
use super::inside::{tail, watch};
use super::job::{self, Job};
use super::machine::Machine;
use super::sample::median;
use super::table::table;
use crate::guests::Workshop;
use crate::step::{output, succeed};
pub(super) use village::Village;

/// So many addresses are what the many are compared with.
const FEW: usize = 100;
/// How many of those there are, each with a first run and another; some before the many, some after, so
/// that neither had a colder computer.
const GROUPS: usize = 4;
/// The most memory that the controller may have, in bytes.
const MEMORY: u64 = 400_000_000;
/// How much longer a machine of many may take than one of few.
const LONGER: f64 = 1.1;

/// What to measure, told to the part of this program that runs in namespaces of its own.
#[derive(Serialize, Deserialize)]
pub(super) struct Order {
    place: PathBuf,
    program: PathBuf,
    image: PathBuf,
    addresses: usize,
    answer: PathBuf,
}

/// One run, on so many addresses.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Run {
    addresses: usize,
    first: bool,
    wall: f64,
    controller: f64,
    peak: u64,
}

/// Measures few and many addresses, and returns what came of it.
pub(super) fn measure(place: &Path, program: &Path, addresses: usize) -> Result<Vec<Run>> {
    let image = output(Command::new(program).args(["lab", "image", "base"]))?;
    let order = Order {
        place: place.to_owned(),
        program: program.to_owned(),
        image: Path::new(image.trim()).join("root"),
        addresses,
        answer: place.join("scale.json"),
    };
    let file = place.join("scale-order.json");
    fs_err::write(&file, serde_json::to_string_pretty(&order)?)?;
    let own = std::env::current_exe().context("where is this program?")?;
    let mut command = Command::new("unshare");
    command.args(["--mount", "--net", "--"]).arg(own);
    succeed(command.args(["bench", "--inside-scale"]).arg(&file))?;
    Ok(serde_json::from_str(&fs_err::read_to_string(
        order.answer,
    )?)?)
}

/// Measures what a file orders. Mounts and network are this process's own, and end with it.
pub(super) fn run(file: &Path) -> Result<()> {
    ensure_apart()?;
    let order: Order = serde_json::from_str(&fs_err::read_to_string(file)?)?;
    let job = Job::load(&Workshop::here()?)?;
    let few = FEW.min(order.addresses);
    let village = Village::build(
        &order.image,
        &order.place.join("village"),
        order.addresses + GROUPS * few,
    )?;
    let (many, others) = village.machines().split_at(order.addresses);
    let mut groups: Vec<(&str, &[Machine])> = others.chunks(few).map(|few| ("few", few)).collect();
    groups.insert(groups.len() / 2, ("many", many));
    let mut runs = Vec::new();
    for (name, machines) in groups {
        for first in [true, false] {
            runs.push(once(&order, &village, name, machines, first)?);
        }
        village.verify(&job, machines)?;
    }
    fs_err::write(&order.answer, serde_json::to_string(&runs)?)?;
    Ok(())
}

/// Fails unless this process has mounts of its own.
pub(super) fn ensure_apart() -> Result<()> {
    let space = |process: u32| fs_err::read_link(format!("/proc/{process}/ns/mnt"));
    ensure!(
        space(std::process::id())? != space(std::os::unix::process::parent_id())?,
        "this mounts things, and only in a namespace of its own"
    );
    Ok(())
}

/// One cold run of cellhost.
fn once(
    order: &Order,
    village: &Village,
    name: &str,
    machines: &[Machine],
    first: bool,
) -> Result<Run> {
    let folder = tempfile::Builder::new()
        .prefix("cellhost-scale-")
        .tempdir()?;
    let modules = folder.path().join("modules");
    fs_err::create_dir(&modules)?;
    let module = format!("{}.wasm", job::MODULE);
    let built = order.place.with_file_name("guests").join(&module);
    fs_err::copy(built, modules.join(module))?;
    fs_err::write(folder.path().join("plan.toml"), Village::plan(machines))?;
    let log = order.place.join("last.log");
    let group = Group::new(name)?;
    let mut command = job::run(&order.program, &order.place);
    command
        .env("CELLHOST_SSH_CONFIG", village.configuration())
        .env("XDG_RUNTIME_DIR", folder.path())
        .current_dir(folder.path());
    succeed(&mut Command::new("sync"))?;
    let watched = watch(&group, &command, &log, Duration::from_millis(250))?;
    ensure!(watched.good, "{} addresses: {}", machines.len(), tail(&log));
    let run = Run {
        addresses: machines.len(),
        first,
        wall: watched.wall.as_secs_f64(),
        controller: watched.controller.as_secs_f64(),
        peak: watched.peak.unwrap_or(0),
    };
    eprintln!("   {} addresses: {:.1} s", run.addresses, run.wall);
    Ok(run)
}

impl Run {
    fn each(&self) -> f64 {
        let addresses = u32::try_from(self.addresses).unwrap_or(u32::MAX);
        self.wall / f64::from(addresses) * 1000.0
    }
}

/// Writes what was measured as a section of the report.
pub(super) fn section(runs: &[Run]) -> String {
    let rows: Vec<Vec<String>> = runs
        .iter()
        .map(|run| {
            vec![
                run.addresses.to_string(),
                if run.first {
                    "first run"
                } else {
                    "nothing to change"
                }
                .to_owned(),
                format!("{:.2}", run.wall),
                format!("{:.1}", run.each()),
                format!("{:.2}", run.controller),
                (run.peak / 1_000_000).to_string(),
            ]
        })
        .collect();
    let headings = [
        "addresses",
        "half",
        "wall s",
        "ms each",
        "controller s",
        "MB",
    ];
    format!(
        "## cellhost alone, many addresses\n\nOne sshd answers for all of them; each has files of \
         its own, and no service manager. Connections as many as by default.\n\n{}\n",
        table(&headings, &rows)
    )
}

/// Says what of the promises about many addresses is not kept. Both halves count, each for itself.
pub(super) fn judge(runs: &[Run]) -> Vec<String> {
    let many = runs.iter().map(|run| run.addresses).max().unwrap_or(0);
    let mut wrong = Vec::new();
    for run in runs.iter().filter(|run| run.addresses == many) {
        if run.peak >= MEMORY {
            let (peak, most) = (run.peak / 1_000_000, MEMORY / 1_000_000);
            wrong.push(format!(
                "{many} addresses took {peak} MB, promised is {most}"
            ));
        }
        let few = runs
            .iter()
            .filter(|other| other.addresses < many && other.first == run.first);
        let mut few: Vec<f64> = few.map(Run::each).collect();
        few.sort_by(f64::total_cmp);
        let few = median(&few).unwrap_or(0.0);
        let ratio = run.each() / few;
        if few > 0.0 && ratio > LONGER {
            wrong.push(format!(
                "a machine of {many} takes {ratio:.2} times as long as one of few, promised is \
                 {LONGER}"
            ));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(addresses: usize, wall: f64, peak: u64) -> Run {
        Run {
            addresses,
            first: false,
            wall,
            controller: 1.0,
            peak,
        }
    }

    #[test]
    fn judges_memory_and_the_time_of_each() {
        let few = run(100, 10.0, 1);
        assert!(judge(&[few.clone(), run(1000, 109.0, 1)]).is_empty());
        assert_eq!(judge(&[few.clone(), run(1000, 111.0, 1)]).len(), 1);
        assert_eq!(judge(&[few, run(1000, 111.0, MEMORY)]).len(), 2);
    }

    #[test]
    fn one_group_that_was_slow_or_fast_decides_nothing() {
        let few = [8.0, 10.0, 10.0, 20.0].map(|wall| run(100, wall, 1));
        assert!(judge(&[few.as_slice(), &[run(1000, 109.0, 1)]].concat()).is_empty());
        assert_eq!(
            judge(&[few.as_slice(), &[run(1000, 111.0, 1)]].concat()).len(),
            1
        );
    }
}
