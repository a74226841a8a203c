//! `cargo xtask hostile`: modules that want to do harm, machines that lie, and secrets that must not be
//! found.

use std::process::Command;

use anyhow::Result;

use crate::guests::{self, Workshop};
use crate::setup;
use crate::step::{step, succeed};
use crate::test;

/// Runs the tests of what is kept from modules, of readers of what others wrote, and of secrets on real
/// machines.
pub(crate) fn run() -> Result<()> {
    let workshop = Workshop::here()?;
    step("what this computer needs", || setup::ensure(&[setup::LAB]))?;
    step("guests", || guests::build(&workshop, &[]))?;
    test::build(&workshop)?;
    test::machines(&workshop)?;
    for (source, place, filters) in [
        (
            "tests/system/tests/guests/main.rs",
            "tests/system",
            &["hostile::", "misbehaving::", "policy::", "secrets::"][..],
        ),
        (
            "tests/system/tests/lab/main.rs",
            "tests/system",
            &["canaries::"],
        ),
        ("tests/hostile/tests/known.rs", "tests/hostile", &[]),
        (
            "tests/system/tests/lab/main.rs",
            "tests/system",
            &["liars::"],
        ),
    ] {
        let tests = test::built(&workshop, source)?;
        step(source, || {
            let place = workshop.root().join(place);
            succeed(Command::new(tests).args(filters).current_dir(place))
        })?;
    }
    Ok(())
}
