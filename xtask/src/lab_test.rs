//! `cargo xtask lab-test [module]`: what a module's real clusters do, the long tests included.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::guests::{self, Workshop};
use crate::setup;
use crate::step::{step, succeed};

/// The tests of `tests/system/tests/lab` that are a module's, by the beginning of their names.
const TESTS: [(&str, &[&str]); 7] = [
    ("galera", &["galera::"]),
    ("marathon", &["mesos::"]),
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
            "redis_refusals::",
            "redis_supervised::",
            "shrinking::",
        ],
    ),
    ("telegraf", &["stand_ins::"]),
    ("zookeeper", &["zookeeper::"]),
];

/// What `cargo xtask lab-test` is told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only this module's; those of all modules where none is named.
    module: Option<String>,
}

/// Runs the tests with machines of one module, or of all.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let workshop = Workshop::here()?;
    let names: Vec<String> = match &arguments.module {
        Some(name) => vec![name.clone()],
        None => guests::modules(&workshop)?,
    };
    let mut filters: Vec<&str> = Vec::new();
    for name in &names {
        filters.extend(tests_of(name)?);
    }
    step("what this computer needs", || setup::ensure(&[setup::LAB]))?;
    step("modules", || guests::build(&workshop, &names))?;
    let cargo = || {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(workshop.root());
        command
    };
    // As `cargo xtask test` builds them: apart, all that they are made of would be built anew.
    step("program and tests", || {
        succeed(cargo().args(["test", "--quiet", "--workspace", "--no-run"]))
    })?;
    step("machines", || {
        let program = workshop.root().join("target/debug/cellhost");
        succeed(Command::new(program).args(["lab", "image", "service"]))
    })?;
    step("tests", || {
        let words = ["test", "--workspace", "--test", "lab"];
        // One lab after the other: what takes turns in time is measured here.
        let how = ["--", "--include-ignored", "--test-threads=1"];
        succeed(cargo().args(words).args(how).args(&filters))
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
