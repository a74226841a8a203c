//! How much memory modules may have.

use anyhow::anyhow;
use cellhost_runtime::Totals;

use crate::error::{CommandError, Kind};

const VARIABLE: &str = "CELLHOST_MEMORY";
/// The least that one turn can be played with, in MiB.
const LEAST: usize = 16;

/// What all turns together may use up: `CELLHOST_MEMORY` says how many MiB of memory.
pub(crate) fn totals() -> Result<Totals, CommandError> {
    let usual = Totals::default();
    let Some(word) = std::env::var_os(VARIABLE) else {
        return Ok(usual);
    };
    let number = word.to_str().and_then(|word| word.parse::<usize>().ok());
    let Some(number) = number.filter(|number| *number >= LEAST) else {
        let error = anyhow!("`{VARIABLE}` has to be a number of MiB, {LEAST} at least");
        return Err(CommandError::new(Kind::Usage, error));
    };
    Ok(Totals {
        memory: number.saturating_mul(1 << 20),
        ..usual
    })
}
