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
    let tools = workshop.root().join("target/tools");
    step("what this computer needs", || {
        setup::ensure(&[setup::LAB, setup::TESTS])?;
        setup::fetch(&tools)
    })?;
    step("wkg", || setup::build(&tools, setup::WKG))?;
    step("guests", || guests::build(&workshop, &[]))?;
    test::build(&workshop)?;
    test::machines(&workshop)?;
    let tests = test::built(&workshop, "tests/system/tests/registry/main.rs")?;
    step("registries", || {
        let place = workshop.root().join("tests/system");
        succeed(Command::new(tests).current_dir(place))
    })
}
