//! Whole terminals: what the program is told, what it writes and how it ends.
//!
//! A case is a file that you add under `cases/`; run the tests once with `UPDATE=1` and read what
//! appears beside it. Every case runs in a directory and an environment of its own.

#![expect(clippy::expect_used, reason = "a failing helper fails its test")]

mod afar;
mod alone;
mod cases;
mod help;
mod password;
mod records;
mod scene;
mod secrets;
mod terminal;
mod wrong_plans;
