//! `cargo xtask lab-test [module]`: what a module's real clusters do, the long tests included.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::guests::{self, Workshop};
use crate::setup;
use crate::step::{step, succeed};
use crate::test;

/// The tests of `tests/system/tests/lab` that are a module's, by the beginning of their names. `cell` is
/// the example that has all modules in it.
const TESTS: [(&str, &[&str]); 9] = [
    (CELL, &["cell::"]),
    ("galera", &["galera::"]),
    ("marathon", &["mesos::"]),
    ("marathon-lb", &["marathon_lb::"]),
    ("mesos", &["mesos::"]),
    ("minio", &["stand_ins::"]),
    (
        "redis-cluster",
        &[
            "dry_run::",
            "founding::",
            "healing::",
            "redis_handover::",
            "redis_load::",
            "redis_losses::",
            "redis_refusals::",
            "redis_supervised::",
            "shrinking::",
        ],
    ),
    ("telegraf", &["stand_ins::"]),
    ("zookeeper", &["zookeeper::"]),
];

const CELL: &str = "cell";

/// What `cargo xtask lab-test` is told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only this module's, or `cell` for the example of all of them together; all tests where none is
    /// named.
    module: Option<String>,
}

/// Runs the tests with machines of one module, or of all.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let workshop = Workshop::here()?;
    let filters: Vec<&str> = match &arguments.module {
        Some(name) => tests_of(name)?.to_vec(),
        None => TESTS
            .iter()
            .flat_map(|(_, tests)| *tests)
            .copied()
            .collect(),
    };
    step("what this computer needs", || setup::ensure(&[setup::LAB]))?;
    // All of them: hardly one is tried alone.
    let modules = guests::modules(&workshop)?;
    step("modules", || guests::build(&workshop, &modules))?;
    test::build(&workshop)?;
    let tests = test::built(&workshop, "tests/system/tests/lab/main.rs")?;
    step("machines", || {
        let program = workshop.root().join("target/debug/cellhost");
        succeed(Command::new(program).args(["lab", "image", "service"]))
    })?;
    step("tests", || {
        // One lab after the other: what takes turns in time is measured here.
        let how = ["--include-ignored", "--test-threads=1"];
        let place = workshop.root().join("tests/system");
        succeed(
            Command::new(tests)
                .args(how)
                .args(&filters)
                .current_dir(place),
        )
    })
}

fn tests_of(module: &str) -> Result<&'static [&'static str]> {
    let known = TESTS.iter().find(|(name, _)| *name == module);
    let (_, tests) = known.with_context(|| {
        let names = TESTS.map(|(name, _)| name);
        format!(
            "there are no tests for `{module}`; there are for {}",
            names.join(", ")
        )
    })?;
    if tests.is_empty() {
        bail!("`{module}` has no tests with machines");
    }
    Ok(tests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_has_tests_with_machines_and_they_are_there() {
        let workshop = Workshop::here().unwrap();
        let lab = workshop.root().join("tests/system/tests/lab");
        for module in guests::modules(&workshop).unwrap() {
            for test in tests_of(&module).unwrap() {
                let file = lab.join(format!("{}.rs", test.trim_end_matches("::")));
                assert!(file.is_file(), "{}", file.display());
            }
        }
    }
}
