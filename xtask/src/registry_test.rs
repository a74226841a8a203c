//! `cargo xtask registry-test`: what is promised of registries, against real ones.

use std::process::Command;

use anyhow::Result;

use crate::guests::{self, Workshop};
use crate::setup;
use crate::step::{step, succeed};
use crate::test;

/// Runs the tests of `registry` and of the program against registries that they start.
pub(crate) fn run() -> Result<()> {
    let workshop = Workshop::here()?;
    step("what this computer needs", || {
        setup::ensure(&[setup::TESTS])?;
        setup::fetch(&workshop.root().join("target/tools"))
    })?;
    step("guests", || guests::build(&workshop, &[]))?;
    // As `cargo xtask test` builds them: apart, all that they are made of would be built anew.
    step("program and tests", || {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        let words = ["test", "--quiet", "--workspace", "--no-run"];
        succeed(cargo.current_dir(workshop.root()).args(words))
    })?;
    let tests = test::built(&workshop, "tests/system/tests/registry/main.rs")?;
    step("registries", || {
        let place = workshop.root().join("tests/system");
        succeed(Command::new(tests).current_dir(place))
    })
}
