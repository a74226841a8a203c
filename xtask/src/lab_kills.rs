//! The kills of `cargo xtask crash-test --full`: of real runs on machines of a lab.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::guests::{self, Workshop};
use crate::setup;
use crate::step::succeed;

/// How many kills there are.
const KILLS: &str = "30";
/// The test that kills, which is a short one elsewhere.
const TEST: &str = "deaths::";
/// Where it stands what became of them.
const PAGE: &str = "docs/crash-matrix.md";
const BEGIN: &str =
    "<!-- written by `cargo xtask crash-test --full --write`: machines of a lab -->";
const END: &str = "<!-- end: machines of a lab -->";

/// Kills, and holds machines against those of runs that nobody killed. With `write` the page tells.
pub(crate) fn run(workshop: &Workshop, write: bool) -> Result<()> {
    setup::ensure(&[setup::LAB])?;
    guests::build(workshop, &["chores".to_owned()])?;
    let cargo = || {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(workshop.root());
        command
    };
    let words = ["test", "--quiet", "--workspace", "--test", "lab"];
    succeed(cargo().args(words).arg("--no-run"))?;
    let program = workshop.root().join("target/debug/cellhost");
    succeed(Command::new(program).args(["lab", "image", "service"]))?;
    let table = workshop.root().join("target/lab-kills.md");
    succeed(
        cargo()
            .args(words)
            .args([TEST, "--", "--nocapture"])
            .env("CELLHOST_TEST_KILLS", KILLS)
            .env("CELLHOST_TEST_TABLE", &table),
    )?;
    if write {
        put(&workshop.root().join(PAGE), &fs_err::read_to_string(table)?)?;
    }
    Ok(())
}

/// Puts a text between the marks of a page.
fn put(page: &Path, text: &str) -> Result<()> {
    let stands = fs_err::read_to_string(page)?;
    Ok(fs_err::write(page, within(&stands, text)?)?)
}

fn within(page: &str, text: &str) -> Result<String> {
    let lost = || format!("the page has no `{BEGIN}` before `{END}`");
    let (before, rest) = page.split_once(BEGIN).with_context(lost)?;
    let (_, after) = rest.split_once(END).with_context(lost)?;
    Ok(format!("{before}{BEGIN}\n{text}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_a_place_for_it_and_keeps_the_rest() {
        let page = Workshop::here().unwrap().root().join(PAGE);
        let page = fs_err::read_to_string(page).unwrap();
        let once = within(&page, "| one |\n").unwrap();
        let twice = within(&once, "| two |\n").unwrap();
        assert!(!twice.contains("| one |"));
        assert_eq!(twice.replace("| two |", "| one |"), once);
        assert!(within("nothing", "").is_err());
    }
}
