//! The program against a real registry: Debian's docker-registry on this computer's loopback, which
//! each test starts for itself, and files that are damaged there on purpose.
//!
//! They need the finished guests of `cargo xtask guests` and what `cargo xtask registry-test` fetches, and fail
//! where these are not.

mod access;
mod carrying;
mod choosing;
mod modules;
mod publishing;
mod pulling;
mod server;
mod serving;
mod signing;
mod site;
mod tampering;
