//! What others wrote, handed to whoever reads it.
//!
//! A [`Target`] takes any bytes and gives them to a reader of the host as that gets them: a plan, a
//! module's section, the answer of a machine. It panics where the reader does, and where a rule is
//! broken that holds for all that is read: what is written again reads the same, words about what is
//! wrong do nothing to a terminal, and nothing comes through that was to be refused.
//!
//! `cargo xtask fuzz` looks for such bytes. Those that were found once stay in `fuzz/findings`, and
//! each test run tries them again.

#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "this is what it is for"
)]

mod answer;
mod artifact;
mod component;
mod journal;
mod lock;
mod manifest;
mod plan;
mod signature;
mod word;

pub use answer::answer;
pub use artifact::artifact;
pub use component::{component, section};
pub use journal::{journal, record};
pub use lock::lock;
pub use manifest::manifest;
pub use plan::plan;
pub use signature::signature;
pub use word::word;

/// Takes any bytes; panics where a reader does not withstand them.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const TARGETS: [(&str, Target); 11] = [
    ("answer", answer),
    ("artifact", artifact),
    ("component", component),
    ("journal", journal),
    ("lock", lock),
    ("manifest", manifest),
    ("plan", plan),
    ("record", record),
    ("section", section),
    ("signature", signature),
    ("word", word),
];

/// Holds words that are shown to a rule: nothing in them steers a terminal.
fn assert_harmless(words: &str) {
    let strange = words
        .chars()
        .find(|c| c.is_control() && *c != '\n' && *c != '\t');
    assert_eq!(strange, None, "in {words:?}");
}
