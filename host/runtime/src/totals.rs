//! What all turns of a program may use up together.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::Fault;

/// The memory of all turns where nobody can tell how much this computer has.
const USUAL: usize = 4 << 30;

/// What all turns of a program may use up together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// How many turns may be under way at once; others wait.
    pub turns: usize,
    /// Memory of their modules, in bytes. Whoever wants more waits for others to end.
    pub memory: usize,
}

impl Default for Totals {
    /// Half of this computer's memory.
    fn default() -> Self {
        let text = fs_err::read_to_string("/proc/meminfo").unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        let half = |kibibytes: usize| kibibytes.saturating_mul(512);
        Self {
            turns: 1000,
            memory: kibibytes.map_or(USUAL, half),
        }
    }
}

/// What is left of it.
///
/// Turns grow step by step, so that some could each hold a part and wait for the rest for ever. None is
/// given anything that would keep the one that holds most from all that it may ask for: that one can
/// always go on to its end, and so can all others after it.
pub(crate) struct Pool {
    totals: Totals,
    used: Mutex<Used>,
    freed: Notify,
}

/// The turns under way, each by a number of its own.
#[derive(Default)]
struct Used {
    last: u64,
    turns: BTreeMap<u64, Holding>,
}

#[derive(Clone, Copy)]
struct Holding {
    /// What it has.
    held: usize,
    /// The most that it may come to.
    claim: usize,
}

impl Used {
    /// Whether the turn that holds most could have all that any may come to.
    fn is_safe(&self, total: usize) -> bool {
        let held = || self.turns.values().map(|turn| turn.held);
        let claims = self.turns.values().map(|turn| turn.claim.min(total));
        let (most, claim) = (held().max().unwrap_or(0), claims.max().unwrap_or(0));
        let left = total.checked_sub(held().sum());
        left.is_some_and(|left| left >= claim.saturating_sub(most))
    }
}

impl Pool {
    /// All of it.
    pub(crate) fn new(totals: Totals) -> Arc<Self> {
        Arc::new(Self {
            totals,
            used: Mutex::default(),
            freed: Notify::new(),
        })
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a turn that may come to so many bytes, as soon as there is one. No turn waits for
    /// another to begin.
    pub(crate) async fn enter(self: &Arc<Self>, claim: usize) -> Part {
        loop {
            let freed = {
                let mut used = self.used();
                if used.turns.len() < self.totals.turns.max(1) {
                    used.last += 1;
                    let number = used.last;
                    used.turns.insert(number, Holding { held: 0, claim });
                    let pool = self.clone();
                    return Part { pool, number };
                }
                self.freed.notified()
            };
            freed.await;
        }
    }
}

/// What one turn has of it; given back when dropped.
pub(crate) struct Part {
    pool: Arc<Pool>,
    number: u64,
}

impl Part {
    /// Comes to so many bytes, and waits for them while others have them. More than there is in all it
    /// is not given.
    pub(crate) async fn come_to(&mut self, bytes: usize) -> Result<(), Fault> {
        let total = self.pool.totals.memory;
        if bytes > total {
            let (wanted, limit) = (bytes >> 20, total >> 20);
            return Err(Fault::AllMemory { wanted, limit });
        }
        loop {
            let freed = {
                let mut used = self.pool.used();
                let Some(turn) = used.turns.get_mut(&self.number) else {
                    return Ok(());
                };
                let before = std::mem::replace(&mut turn.held, bytes);
                if used.is_safe(total) {
                    return Ok(());
                }
                if let Some(turn) = used.turns.get_mut(&self.number) {
                    turn.held = before;
                }
                self.pool.freed.notified()
            };
            freed.await;
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.pool.used().turns.remove(&self.number);
        self.pool.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn pool(turns: usize, memory: usize) -> Arc<Pool> {
        Pool::new(Totals { turns, memory })
    }

    fn enter(pool: &Arc<Pool>, claim: usize) -> Part {
        pool.enter(claim).now_or_never().unwrap()
    }

    #[test]
    fn whoever_finds_no_place_or_memory_waits_for_another_to_end() {
        let pool = pool(2, 10);
        let (mut first, mut second) = (enter(&pool, 8), enter(&pool, 8));
        let mut third = Box::pin(pool.enter(8));
        assert!(third.as_mut().now_or_never().is_none());
        assert_eq!(first.come_to(8).now_or_never(), Some(Ok(())));
        let mut comes = Box::pin(second.come_to(8));
        assert!(comes.as_mut().now_or_never().is_none());
        drop(first);
        assert!(third.now_or_never().is_some());
        assert_eq!(comes.now_or_never(), Some(Ok(())));
        drop(second);
        assert!(pool.used().turns.is_empty());
    }

    #[test]
    fn one_can_always_go_on_however_they_grow() {
        let pool = pool(9, 20);
        let mut parts: Vec<Part> = (0..5).map(|_| enter(&pool, 8)).collect();
        for bytes in 1..=8 {
            for part in &mut parts {
                let _ = part.come_to(bytes).now_or_never();
            }
        }
        let held = pool.used().turns.values().map(|turn| turn.held).max();
        assert_eq!(held, Some(8));
        let comes = |part: &mut Part| part.come_to(8).now_or_never() == Some(Ok(()));
        while let Some(most) = parts.iter_mut().position(comes) {
            drop(parts.swap_remove(most));
        }
        assert!(parts.is_empty(), "{} wait for ever", parts.len());
    }

    #[test]
    fn what_there_is_not_in_all_is_not_waited_for() {
        let pool = pool(9, 10 << 20);
        let told = enter(&pool, usize::MAX).come_to(11 << 20).now_or_never();
        let (wanted, limit) = (11, 10);
        assert_eq!(told, Some(Err(Fault::AllMemory { wanted, limit })));
    }
}
