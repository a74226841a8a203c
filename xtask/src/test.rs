//! `cargo xtask test`: every check and every test, in the order in which they fail fastest.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::crash_test;
use crate::fuzz;
use crate::guests::{self, Workshop};
use crate::setup;
use crate::step::{output, seconds, step, succeed, watch};

const BUILD: [&str; 4] = ["test", "--quiet", "--workspace", "--no-run"];

/// What `cargo xtask test` is told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Leaves out the second build of the modules that shows that two builds give the same bytes.
    #[arg(long)]
    build_once: bool,
}

/// How many tests ran.
#[derive(Default)]
struct Count {
    passed: u64,
    failed: u64,
}

/// Runs everything.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let begun = Instant::now();
    let workshop = Workshop::here()?;
    let tools = workshop.root().join("target/tools");
    step("what this computer needs", || {
        setup::ensure(&[setup::LAB, setup::TESTS])?;
        setup::fetch(&tools)
    })?;
    step("format", || {
        succeed(cargo(&workshop).args(["fmt", "--all", "--check"]))
    })?;
    step("guests", || guests::build(&workshop, &[]))?;
    build(&workshop)?;
    step("lints", || {
        let words = [
            "clippy",
            "--quiet",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ];
        succeed(cargo(&workshop).args(words))
    })?;
    step("dependencies", || deny(&workshop, &tools))?;
    step("wkg", || setup::build(&tools, setup::WKG))?;
    let program = machines(&workshop)?;
    let mut count = Count::default();
    let simulated = crash_test::beside_tests(&workshop)?;
    let good = step("tests", || {
        let words = ["test", "--workspace", "--no-fail-fast"];
        watch(cargo(&workshop).args(words), |line| count.add(line))
    })?;
    let couriers = step("tests of couriers over ssh", || {
        couriers(&workshop, &program, &mut count)
    })?;
    if !arguments.build_once {
        step("the same bytes twice", || guests::verify(&workshop))?;
    }
    step("fuzzing", || fuzz::shortly(&workshop))?;
    let simulated = step("what is left of simulated deployments", || {
        simulated.watch(|line| count.add(line))
    })?;
    eprintln!("== all of it: {}", seconds(begun.elapsed()));
    println!("{} passed, {} failed", count.passed, count.failed);
    if !good || !simulated || !couriers || count.failed > 0 {
        bail!("not all tests passed");
    }
    if count.passed == 0 {
        bail!("no test was run");
    }
    Ok(())
}

/// Holds the dependencies against `deny.toml`. Advisories are left to whoever has a network: their
/// list comes from elsewhere at each call.
fn deny(workshop: &Workshop, tools: &Path) -> Result<()> {
    let program = setup::build(tools, setup::DENY)?;
    let words = [
        "--log-level",
        "error",
        "check",
        "bans",
        "licenses",
        "sources",
    ];
    succeed(
        Command::new(program)
            .args(words)
            .current_dir(workshop.root()),
    )
}

/// Runs the tests that want a lab around them: it has to be there before they are.
fn couriers(workshop: &Workshop, program: &Path, count: &mut Count) -> Result<bool> {
    let lab = workshop.root().join("target/courier-lab");
    let lab_of = |words: &[&str]| {
        let mut command = Command::new(program);
        command.arg("lab").args(words).env("CELLHOST_LAB_DIR", &lab);
        command
    };
    let tests = built(workshop, "host/transport/tests/ssh.rs")?;
    succeed(&mut lab_of(&["up", "4"]))?;
    let result = watch(
        lab_of(&["exec", "--"])
            .arg(tests)
            .args(["--ignored", "--test-threads=1"])
            .env("CELLHOST_TEST_LAB", format!("{} lab", program.display()))
            .current_dir(workshop.root().join("host/transport")),
        |line| count.add(line),
    );
    succeed(&mut lab_of(&["down"]))?;
    result
}

/// Where the program of a test is that was built with all others. Asked for by name it would be built
/// with other features.
pub(crate) fn built(workshop: &Workshop, source: &str) -> Result<PathBuf> {
    let told = output(
        cargo(workshop)
            .args(BUILD)
            .args(["--message-format", "json"]),
    )?;
    let source = workshop.root().join(source);
    let artifacts = told
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let mut found = artifacts.filter_map(|artifact: Artifact| match artifact.target {
        Some(target) if target.src_path == source => artifact.executable,
        _ => None,
    });
    found
        .next()
        .with_context(|| format!("no test was built of {}", source.display()))
}

/// What cargo says of something that it built, or of something else.
#[derive(serde::Deserialize)]
struct Artifact {
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(serde::Deserialize)]
struct Target {
    src_path: PathBuf,
}

impl Count {
    /// Reads a closing line of a test runner, such as
    /// `test result: ok. 3 passed; 0 failed; 0 ignored; …`.
    fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            return;
        };
        let result = result.split_once(". ").map_or(result, |(_, rest)| rest);
        for part in result.split(';') {
            let Some((number, word)) = part.trim().split_once(' ') else {
                continue;
            };
            let number = number.parse().unwrap_or(0);
            match word {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                _ => {}
            }
        }
    }
}

/// Builds the program and all tests. One build for both: apart, what they have in common would be built
/// twice, since tests switch on other features.
pub(crate) fn build(workshop: &Workshop) -> Result<()> {
    step("program and tests", || succeed(cargo(workshop).args(BUILD)))
}

/// Makes the image that machines of the lab begin with, unless it is there. Gives the program that did.
pub(crate) fn machines(workshop: &Workshop) -> Result<PathBuf> {
    let program = workshop.root().join("target/debug/cellhost");
    step("machines", || {
        succeed(Command::new(&program).args(["lab", "image", "service"]))
    })?;
    Ok(program)
}

fn cargo(workshop: &Workshop) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workshop.root());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_a_runner_says_at_its_end() {
        let mut count = Count::default();
        count.add("running 5 tests");
        count.add("test result: ok. 3 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out");
        count.add("test result: FAILED. 1 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out");
        assert_eq!((count.passed, count.failed), (4, 4));
    }
}
