//! Managers of packages and services, the real ones, each in a root of its own. All that the
//! managers install is made here; nothing comes from a network.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod bare;
mod containers;
mod island;
mod packages;
mod services;
