use std::path::Path;
use std::process::Command;

use anyhow::Result;
use serde::Serialize;
use serde_json::json;

use super::contestant::{Contestant, Half};
use super::pace::{self, Pace};
use super::peers::{ANSIBLE, PYINFRA};
use super::ratios;
use super::sample::{Figure, Samples};
use super::scale;
use super::table::table;
use crate::guests::Workshop;
use crate::step::output;

/// Under what circumstances was measured.
#[derive(Debug, Serialize)]
pub(super) struct Circumstances {
    date: String,
    commit: String,
    computer: String,
    system: String,
    cellhost: String,
    ssh: String,
    python: String,
    peers: Vec<&'static str>,
    short: bool,
}

impl Circumstances {
    /// Looks around.
    pub(super) fn now(program: &Path, short: bool) -> Result<Self> {
        let first = |command: &mut Command| -> Result<String> {
            Ok(output(command)?
                .lines()
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned())
        };
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            let value = line.and_then(|line| line.split_once([':', '=']));
            value.map_or("unknown".to_owned(), |(_, value)| {
                value.trim().trim_matches('"').to_owned()
            })
        };
        let processors = fs_err::read_to_string("/proc/cpuinfo")?;
        let memory = field(&fs_err::read_to_string("/proc/meminfo")?, "MemTotal");
        let memory: u64 = memory.trim_end_matches(" kB").parse().unwrap_or(0);
        let release = fs_err::read_to_string("/etc/os-release")?;
        let kernel = fs_err::read_to_string("/proc/sys/kernel/osrelease")?;
        Ok(Self {
            date: first(Command::new("date").args(["--utc", "+%Y-%m-%d %H:%M UTC"]))?,
            commit: first(Command::new("git").args(["describe", "--always", "--dirty"]))?,
            computer: format!(
                "{} processors ({}), {} GiB of memory",
                std::thread::available_parallelism()?,
                field(&processors, "model name"),
                memory.div_ceil(1 << 20)
            ),
            system: format!(
                "{}, Linux {}",
                field(&release, "PRETTY_NAME"),
                kernel.trim()
            ),
            cellhost: first(Command::new(program).arg("--version"))?,
            ssh: first(Command::new("sh").args(["-c", "ssh -V 2>&1"]))?,
            python: first(Command::new("python3").arg("--version"))?,
            peers: ANSIBLE.versions().chain(PYINFRA.versions()).collect(),
            short,
        })
    }
}

/// Writes the results as JSON and as text, and shows them. The document of the repository is
/// written only after a whole bench.
pub(super) fn write(
    workshop: &Workshop,
    place: &Path,
    circumstances: &Circumstances,
    samples: &Samples,
    runs: &[scale::Run],
    paces: &[Pace],
) -> Result<()> {
    let ratios = ratios::judge(samples);
    let object = json!({
        "circumstances": circumstances,
        "samples": samples,
        "ratios": ratios,
        "scale": runs,
        "pace": paces,
    });
    let json = place.join("results.json");
    fs_err::write(&json, serde_json::to_string_pretty(&object)? + "\n")?;
    let mut measured = measured(samples);
    if !runs.is_empty() {
        measured.push_str(&scale::section(runs));
    }
    measured.push_str(&pace::section(paces));
    println!("{measured}");
    eprintln!("   {}", json.display());
    let document = document(circumstances, &measured);
    fs_err::write(place.join("results.md"), &document)?;
    if ratios::unknown(samples).is_empty() && !runs.is_empty() && !circumstances.short {
        fs_err::write(workshop.root().join("docs/benchmarks.md"), document)?;
    }
    Ok(())
}

fn document(circumstances: &Circumstances, measured: &str) -> String {
    let Circumstances {
        date,
        commit,
        computer,
        system,
        cellhost,
        ssh,
        python,
        peers,
        ..
    } = circumstances;
    let method = include_str!("method.md");
    format!(
        "# Benchmarks\n\nWritten by `cargo xtask bench`; do not edit.\n\n{measured}\n\
         ## Circumstances\n\n\
         | what | |\n| --- | --- |\n| date | {date} |\n| commit | {commit} |\n\
         | computer | {computer} |\n| system | {system} |\n| cellhost | {cellhost} |\n\
         | ssh | {ssh} |\n| peers | {} on {python} |\n\n{method}",
        peers.join(", ")
    )
}

/// Everything that was measured, as tables.
fn measured(samples: &Samples) -> String {
    let rows: Vec<_> = ratios::judge(samples)
        .iter()
        .map(ratios::Ratio::cells)
        .collect();
    let mut text = String::new();
    if !rows.is_empty() {
        let headings = ["half", "ratio", "measured", "promised", "kept"];
        text = format!(
            "## What is promised, on {} machines\n\n{}\n",
            ratios::MACHINES,
            table(&headings, &rows)
        );
    }
    for machines in samples.machines() {
        for half in [Half::NoOp, Half::First] {
            text.push_str(&section(samples, half, machines));
        }
    }
    text
}

fn section(samples: &Samples, half: Half, machines: u16) -> String {
    let figure = |contestant| samples.figure(contestant, half, machines);
    let reference = figure(Contestant::CellhostCold);
    let rows: Vec<_> = Contestant::ALL
        .into_iter()
        .filter_map(|contestant| Some(row(contestant, &figure(contestant)?, reference.as_ref())))
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let headings = [
        "who",
        "wall s",
        "from",
        "to",
        "runs",
        "controller s",
        "computer s",
        "MB",
        "to cellhost",
    ];
    let title = match half {
        Half::First => "the first run",
        Half::NoOp => "nothing to change",
    };
    format!(
        "## {machines} machines, {title}\n\n{}\n",
        table(&headings, &rows)
    )
}

fn row(contestant: Contestant, figure: &Figure, reference: Option<&Figure>) -> Vec<String> {
    let none = || "–".to_owned();
    vec![
        contestant.to_string(),
        format!("{:.2}", figure.wall),
        format!("{:.2}", figure.shortest),
        format!("{:.2}", figure.longest),
        figure.runs.to_string(),
        format!("{:.2}", figure.controller),
        format!("{:.2}", figure.computer),
        figure
            .peak
            .map_or_else(none, |peak| (peak / 1_000_000).to_string()),
        reference.map_or_else(none, |cold| format!("{:.2}", figure.wall / cold.wall)),
    ]
}
