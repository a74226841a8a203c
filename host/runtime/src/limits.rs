//! What a turn may use up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use wasmtime::{Engine, ResourceLimiterAsync};

use crate::Fault;
use crate::totals::Part;

/// How often running guests are looked at.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// What one turn may use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Memory of the module, in bytes, all its linear memories together.
    pub memory: usize,
    /// Table elements.
    pub table_elements: usize,
    /// Computing time. Waiting for machines does not count.
    pub computing: Duration,
    /// Effects.
    pub effects: u32,
    /// Bytes of log lines.
    pub log_bytes: usize,
    /// Bytes that go out of the module in one call, however often they are the same.
    pub call_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 256 << 20,
            table_elements: 100_000,
            computing: Duration::from_secs(10),
            effects: 10_000,
            log_bytes: 1 << 20,
            call_bytes: 128 << 20,
        }
    }
}

/// Keeps a store's memories and tables within their limits.
pub(crate) struct Meter {
    limits: Limits,
    part: Part,
    memory: usize,
    tables: usize,
}

impl Meter {
    pub(crate) fn new(limits: Limits, part: Part) -> Self {
        Self {
            limits,
            part,
            memory: 0,
            tables: 0,
        }
    }
}

#[async_trait]
impl ResourceLimiterAsync for Meter {
    async fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.memory.saturating_add(desired.saturating_sub(current));
        if total > self.limits.memory {
            let (wanted, limit) = (total >> 20, self.limits.memory >> 20);
            return Err(Fault::Memory { wanted, limit }.into());
        }
        self.part.come_to(total).await?;
        self.memory = total;
        Ok(true)
    }

    async fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.tables.saturating_add(desired.saturating_sub(current));
        if total > self.limits.table_elements {
            return Err(Fault::Table {
                wanted: total,
                limit: self.limits.table_elements,
            }
            .into());
        }
        self.tables = total;
        Ok(true)
    }
}

/// Moves the engine's clock on for as long as it lives, so that no guest can keep a thread.
pub(crate) struct Ticker {
    stop: Arc<AtomicBool>,
}

impl Ticker {
    /// One that never ticks.
    pub(crate) fn idle() -> Self {
        let stop = Arc::default();
        Self { stop }
    }

    /// Starts ticking.
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (engine, stopped) = (engine.weak(), stop.clone());
        std::thread::Builder::new()
            .name("ticker".to_owned())
            .spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    std::thread::sleep(TICK);
                    let Some(engine) = engine.upgrade() else {
                        return;
                    };
                    engine.increment_epoch();
                }
            })?;
        Ok(Self { stop })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
