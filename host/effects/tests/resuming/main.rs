//! Runs that die and are gone on with, over simulated machines: at every place of their record,
//! and twice over.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failing helper fails its test"
)]

mod doubts;
mod kills;
mod stage;
