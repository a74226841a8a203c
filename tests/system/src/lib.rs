//! Where the tests of the whole find what was built for them.
//!
//! The tests themselves are under `tests/`: `guests` drives the engine over simulated machines,
//! `lab` runs the finished program against real ones. Neither ever skips: what it needs and does
//! not find makes it fail with a line on how to get it.

mod canary;
mod foretold;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

pub use canary::{Canaries, written_since};
pub use foretold::{Foretold, agreement, foretold_comes_about};

/// Names the directory of the finished guests, where it is not the usual one.
pub const GUESTS_VARIABLE: &str = "CELLHOST_GUESTS";

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The directory of the finished guests.
pub fn guests() -> PathBuf {
    let chosen = std::env::var_os(GUESTS_VARIABLE);
    chosen.map_or_else(|| root().join("target/guests"), PathBuf::from)
}

/// The finished file of one guest.
pub fn guest(name: &str) -> Result<PathBuf> {
    let file = guests().join(format!("{name}.wasm"));
    if !file.is_file() {
        bail!("there is no `{}`: run `cargo xtask guests`", file.display());
    }
    Ok(file)
}

/// The program `cellhost`, built in the same way as the test that asks.
pub fn program() -> Result<PathBuf> {
    let own = std::env::current_exe().context("cannot tell where this test is")?;
    let program = own
        .parent()
        .and_then(Path::parent)
        .context("the test is in no target directory")?
        .join("cellhost");
    if !program.is_file() {
        let program = program.display();
        bail!("there is no `{program}`: run `cargo build --package cellhost`");
    }
    Ok(program)
}
