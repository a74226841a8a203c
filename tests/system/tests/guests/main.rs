//! Real guests over simulated machines: the engine as a library, with the stack of layers that a
//! run of the program has.
//!
//! They need the finished guests that `cargo xtask guests` leaves, and fail where these are not.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a failing helper fails its test"
)]

mod agreed;
mod asking;
mod barrier;
mod bench;
mod certainty;
mod commanding;
mod complete;
mod containers;
mod deciding;
mod edits;
mod examples;
mod foresight;
mod foretold;
mod galera;
mod granted;
mod greeting;
mod hostile;
mod lists;
mod many;
mod marathon;
mod marathon_lb;
mod mesos;
mod minio;
mod misbehaving;
mod needs;
mod neighbours;
mod policy;
mod preview;
mod redis;
mod redis_copies;
mod removing;
mod replaced;
mod replaying;
mod rolling;
mod secrets;
mod stage;
mod system;
mod telegraf;
mod zookeeper;
