//! `cargo xtask pace`: what cellhost does without asking a machine, against the clock.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fleet;
use super::group::Group;
use super::inside::{tail, watch};
use super::job::{self, Job};
use super::scale::{self, Village};
use super::table::table;
use crate::guests::{self, Workshop};
use crate::setup;
use crate::step::{output, step, succeed};

/// How often each is done.
const ROUNDS: usize = 5;
/// How many machines the plan has that is checked.
const PLANNED: usize = 10_000;
/// How many machines the run had that is lived through once more.
const REPLAYED: usize = 100;
/// The most seconds that a release may take for either.
const MOST: f64 = 1.0;

/// What `cargo xtask pace` is told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Measures this cellhost instead of building one.
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,

    /// Makes, in namespaces of its own, the run that is replayed.
    #[arg(long, value_name = "FILE", hide = true)]
    inside: Option<PathBuf>,
}

/// What to run, told to the part of this program that has namespaces of its own.
#[derive(Serialize, Deserialize)]
struct Order {
    place: PathBuf,
    program: PathBuf,
    image: PathBuf,
}

/// One thing, and the seconds that each round of it took.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Pace {
    what: String,
    seconds: Vec<f64>,
}

/// Measures, shows and judges.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if let Some(file) = &arguments.inside {
        return record(file);
    }
    let workshop = Workshop::here()?;
    step("what this computer needs", || setup::ensure(&[setup::LAB]))?;
    let place = workshop.root().join("target/bench");
    fs_err::create_dir_all(&place)?;
    step("modules", || {
        guests::build(&workshop, &[job::MODULE.to_owned()])
    })?;
    let program = match &arguments.program {
        Some(program) => fs_err::canonicalize(program)?,
        None => step("cellhost", || fleet::build_program(&workshop))?,
    };
    let paces = measure(&place, &program)?;
    println!("{}", section(&paces));
    let slow = judge(&paces);
    ensure!(slow.is_empty(), "{}", slow.join("; "));
    Ok(())
}

/// Measures a program.
pub(super) fn measure(place: &Path, program: &Path) -> Result<Vec<Pace>> {
    let own = place.join("pace");
    if own.exists() {
        fs_err::remove_dir_all(&own)?;
    }
    let modules = own.join("modules");
    fs_err::create_dir_all(&modules)?;
    let module = format!("{}.wasm", job::MODULE);
    let built = place.with_file_name("guests").join(&module);
    fs_err::copy(built, modules.join(module))?;
    let check = step("a large plan", || check(&own, program))?;
    let replay = step("a run once more", || replay(&own, program))?;
    Ok(vec![check, replay])
}

/// A plan that names each of its machines, and modules for all of them.
fn large() -> String {
    let mut plan = "cell = \"large\"\n\n[machines]\n".to_owned();
    for number in 0..PLANNED {
        let (block, place) = (number / 250, number % 250 + 1);
        // Writing to a string does not fail.
        let _ = writeln!(
            plan,
            "m{number} = {{ address = \"10.0.{block}.{place}\", roles = [\"all\"], zone = \"z{}\" }}",
            number % 3
        );
    }
    for number in 0..10 {
        let _ = writeln!(
            plan,
            "\n[modules.job-{number}]\nmodule = \"{}\"\non = \"role:all & !m[0-{number}]\"",
            job::MODULE
        );
    }
    plan.push_str("\n[modules.zookeeper]\non = \"m[0-4]\"\n");
    plan
}

fn check(own: &Path, program: &Path) -> Result<Pace> {
    fs_err::write(own.join("large.toml"), large())?;
    let check = || {
        let mut command = prepared(program, own);
        command.args(["check", "--modules", "modules", "large.toml"]);
        output(&mut command)
    };
    // The first time, modules are compiled.
    check()?;
    let seconds = rounds(|| check().map(drop))?;
    Ok(Pace {
        what: format!("`check` of a plan with {PLANNED} machines"),
        seconds,
    })
}

fn replay(own: &Path, program: &Path) -> Result<Pace> {
    let image = output(Command::new(program).args(["lab", "image", "base"]))?;
    let order = Order {
        place: own.to_owned(),
        program: program.to_owned(),
        image: Path::new(image.trim()).join("root"),
    };
    let file = own.join("order.json");
    fs_err::write(&file, serde_json::to_string_pretty(&order)?)?;
    let mut command = Command::new("unshare");
    command.args(["--mount", "--net", "--"]);
    command.arg(std::env::current_exe().context("where is this program?")?);
    succeed(command.args(["pace", "--inside"]).arg(&file))?;
    let runs = output(prepared(program, own).args(["runs", "--format", "json"]))?;
    let runs: Value = serde_json::from_str(&runs)?;
    let run = runs.pointer("/0/id");
    let run = run.and_then(Value::as_str).context("a run")?;
    let mut hashes = Vec::new();
    let seconds = rounds(|| {
        let mut command = prepared(program, own);
        let told = output(command.args(["replay", "--format", "json", run]))?;
        let told: Value = serde_json::from_str(&told)?;
        let hash = |key| told.get(key).and_then(Value::as_str).map(str::to_owned);
        hashes.extend([hash("sha256"), hash("sha256-on-record")]);
        let machines = told.get("machines").and_then(Value::as_u64);
        ensure!(machines == u64::try_from(REPLAYED).ok(), "{told}");
        Ok(())
    })?;
    hashes.dedup();
    ensure!(
        matches!(hashes.as_slice(), [Some(_)]),
        "replays differ: {hashes:?}"
    );
    Ok(Pace {
        what: format!("`replay` of a run on {REPLAYED} machines"),
        seconds,
    })
}

/// Makes a run on as many addresses as are to be replayed, in namespaces of this process's own.
fn record(file: &Path) -> Result<()> {
    scale::ensure_apart()?;
    let order: Order = serde_json::from_str(&fs_err::read_to_string(file)?)?;
    let Order { place, program, .. } = &order;
    let village = Village::build(&order.image, &place.join("village"), REPLAYED)?;
    fs_err::write(place.join("plan.toml"), Village::plan(village.machines()))?;
    // Sockets have short names, so their directory needs one too.
    let folder = tempfile::Builder::new()
        .prefix("cellhost-pace-")
        .tempdir()?;
    let (log, group) = (place.join("run.log"), Group::new("pace")?);
    let mut command = job::run(program, place);
    command
        .env("CELLHOST_SSH_CONFIG", village.configuration())
        .env("XDG_RUNTIME_DIR", folder.path())
        .current_dir(place);
    let watched = watch(&group, &command, &log, Duration::from_secs(1))?;
    ensure!(watched.good, "{}", tail(&log));
    village.verify(&Job::load(&Workshop::here()?)?, village.machines())
}

/// Prepares a cellhost whose things are all in one place.
fn prepared(program: &Path, own: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(own)
        .env("CELLHOST_CACHE", own.join("cache"))
        .env("CELLHOST_STATE", own.join("state"));
    command
}

/// Does something again and again, and returns how long each took, the shortest first.
fn rounds(mut work: impl FnMut() -> Result<()>) -> Result<Vec<f64>> {
    let mut seconds = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        work()?;
        seconds.push(begun.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds)
}

impl Pace {
    /// The round in the middle.
    fn median(&self) -> f64 {
        let middle = self.seconds.get(self.seconds.len() / 2);
        middle.copied().unwrap_or(f64::INFINITY)
    }
}

/// Writes what was measured as a section of the report.
pub(super) fn section(paces: &[Pace]) -> String {
    let rows: Vec<Vec<String>> = paces
        .iter()
        .map(|pace| {
            let edge = |at: Option<&f64>| at.map_or("–".to_owned(), |at| format!("{at:.2}"));
            vec![
                pace.what.clone(),
                format!("{:.2}", pace.median()),
                edge(pace.seconds.first()),
                edge(pace.seconds.last()),
                format!("less than {MOST}"),
                if pace.median() < MOST {
                    "yes"
                } else {
                    "**no**"
                }
                .to_owned(),
            ]
        })
        .collect();
    let headings = ["what", "wall s", "from", "to", "promised", "kept"];
    format!(
        "## cellhost alone, without machines\n\nWhole calls of the program, {ROUNDS} of each. Every \
         replay comes to the hash of the record.\n\n{}\n",
        table(&headings, &rows)
    )
}

/// Says what takes longer than is promised.
pub(super) fn judge(paces: &[Pace]) -> Vec<String> {
    let slow = paces.iter().filter(|pace| pace.median() >= MOST);
    slow.map(|pace| {
        let (what, median) = (&pace.what, pace.median());
        format!("{what} takes {median:.2} s, promised is less than {MOST}")
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_round_in_the_middle_is_what_counts() {
        let pace = |seconds: &[f64]| Pace {
            what: "it".to_owned(),
            seconds: seconds.to_vec(),
        };
        assert!(judge(&[pace(&[0.2, 0.9, 3.0])]).is_empty());
        assert_eq!(judge(&[pace(&[0.2, 1.0, 1.1])]).len(), 1);
        assert_eq!(judge(&[pace(&[])]).len(), 1, "nothing was measured");
    }

    #[test]
    fn the_large_plan_has_ten_thousand_machines_and_each_has_its_address() {
        let plan = large();
        let addresses: std::collections::BTreeSet<&str> = plan
            .lines()
            .filter_map(|line| line.split("address = \"").nth(1)?.split('"').next())
            .collect();
        assert_eq!(addresses.len(), PLANNED);
    }
}
