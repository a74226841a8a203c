//! Some schedules with every run of the tests; `cargo xtask crash-test` plays them by the hundred
//! thousand.

use anyhow::{Result, ensure};
use cellhost_simulation::theatre::Theatre;

/// How many there are, where not the usual few.
const SCHEDULES: &str = "CELLHOST_TEST_SCHEDULES";
/// The first seed of them.
const FIRST: &str = "CELLHOST_TEST_SEED";

const USUAL_SCHEDULES: u64 = 400;
/// Seeds that once found something.
const FOUND: [u64; 14] = [
    248, 545, 902, 1030, 1048, 3298, 3873, 4506, 5433, 8131, 44369, 51095, 51445, 9901,
];

fn number(variable: &str, usual: u64) -> Result<u64> {
    match std::env::var(variable) {
        Ok(text) => Ok(text.parse()?),
        Err(_) => Ok(usual),
    }
}

#[test]
fn schedules_break_no_rule() -> Result<()> {
    let (first, count) = (number(FIRST, 1)?, number(SCHEDULES, USUAL_SCHEDULES)?);
    let tally = Theatre::open()?.play_all(first, count)?;
    ensure!(tally.schedules == count, "{} were played", tally.schedules);
    ensure!(tally.broken.is_empty(), "{:#?}", tally.broken);
    Ok(())
}

#[test]
fn seeds_that_once_found_something_find_it_no_more() -> Result<()> {
    let theatre = Theatre::open()?;
    for seed in FOUND {
        let told = theatre.play(seed, None, false)?;
        ensure!(
            told.violations.is_empty(),
            "seed {seed}: {:#?}",
            told.violations
        );
    }
    Ok(())
}
