//! Whole deployments over simulated machines: the real engine, the real layers and real guests,
//! with faults at any exchange, on a clock that nobody waits for.
//!
//! A [`Schedule`] is what a seed makes of a [`Shape`]: which cell, on which machines, what goes
//! wrong and when the operator stops it. It is played in a [`World`], which knows how things really
//! are and holds what the engine does against the rules in [`Rule`]: judged by what came to
//! machines, never by what the engine believes. The same seed does the same again.
//!
//! `cargo xtask crash-test` plays many of them.

pub mod chance;
pub mod matrix;
pub mod mutation;
pub mod operator;
pub mod rule;
pub mod run;
pub mod schedule;
pub mod shape;
pub mod tape;
pub mod theatre;
pub mod thing;
pub mod trouble;
pub mod world;

pub use rule::{Rule, Violation};
pub use schedule::Schedule;
pub use shape::Shape;
pub use world::World;
