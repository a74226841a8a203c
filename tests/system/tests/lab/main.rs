//! The finished program against real machines: Debian with systemd and sshd, each test in a lab
//! of its own.
//!
//! They need root and a few packages, and fail where these are not. They run the program that
//! `cargo build --package cellhost` has left and the guests that `cargo xtask guests` has.

#![expect(clippy::expect_used, reason = "a failing helper fails its test")]

mod astray;
mod bad_modules;
mod barrier;
mod canaries;
mod canary;
mod cell;
mod chance;
mod deaths;
mod divergence;
mod dry_run;
mod foresight;
mod founding;
mod galera;
mod greetings;
mod healing;
mod history;
mod interrupt;
mod killing;
mod leases;
mod liars;
mod marathon_lb;
mod mesos;
mod operator;
mod prompts;
mod redis;
mod redis_handover;
mod redis_load;
mod redis_losses;
mod redis_refusals;
mod redis_supervised;
mod remote;
mod resuming;
mod rolling;
mod shelf;
mod shrinking;
mod site;
mod stand_ins;
mod troubles;
mod unreachable;
mod watcher;
mod zookeeper;
