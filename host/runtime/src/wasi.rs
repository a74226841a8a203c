//! A WASI that offers nothing: no files, no sockets, no environment, no output. Languages whose
//! runtimes insist on WASI get a clock and random numbers from the host, and nothing else.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder};

/// The time at which every turn begins, so that a turn repeated is the same turn:
/// 2026-01-01T00:00:00Z.
const BEGINNING: Duration = Duration::from_hours(490_896);

/// A WASI context with nothing in it, and random numbers grown from a seed.
pub(crate) fn empty(seed: u64) -> WasiCtx {
    WasiCtxBuilder::new()
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .secure_random(StdRng::seed_from_u64(seed))
        .insecure_random(StdRng::seed_from_u64(seed ^ 1))
        .insecure_random_seed(u128::from(seed))
        .wall_clock(StillClock)
        .monotonic_clock(CountingClock(std::sync::atomic::AtomicU64::new(0)))
        .build()
}

/// A wall clock that stands still: a module is a function of its inputs, and the hour is none.
struct StillClock;

impl HostWallClock for StillClock {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        BEGINNING
    }
}

/// A monotonic clock that moves by a millisecond each time it is read.
struct CountingClock(std::sync::atomic::AtomicU64);

impl HostMonotonicClock for CountingClock {
    fn resolution(&self) -> u64 {
        1_000_000
    }

    fn now(&self) -> u64 {
        self.0
            .fetch_add(1_000_000, std::sync::atomic::Ordering::Relaxed)
    }
}
