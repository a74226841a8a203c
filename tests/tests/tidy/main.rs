//! Holds the house rules that a tool can hold: one rule, one file.
//!
//! Each rule looks at the repository's own files and says what to do about what it finds. Beside
//! it stand small trees in memory that it has to refuse, so that no rule stops working in silence.

mod arrows;
mod binaries;
mod choke_point;
mod code;
mod computers;
mod crates;
mod documentation;
mod excuse;
mod hazards;
mod names;
mod packages;
mod sizes;
mod ssh;
mod tree;
mod unfinished;
mod violation;
mod wit;
