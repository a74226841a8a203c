//! The program against a real registry: Debian's docker-registry on this computer's loopback, which
//! each test starts for itself, files that are damaged there on purpose, and other tools that go there.
//!
//! They need the finished guests of `cargo xtask guests` and what `cargo xtask registry-test` fetches
//! and builds, and fail where these are not.

mod access;
mod carrying;
mod choosing;
mod granting;
mod interop;
mod modules;
mod publishing;
mod pulling;
mod server;
mod serving;
mod signing;
mod site;
mod tampering;
