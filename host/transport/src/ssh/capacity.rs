//! How many connections may live at once, and who has to give way.
//!
//! A connection is an ssh of its own, so a thousand of them cost more than a gigabyte. Whoever
//! needs one takes a seat; where none is free the connection that was used longest ago gives way,
//! unless a request is under way on it. Seats are given in the order in which they were asked for.
//! Nobody who holds a seat waits for another, so this cannot come to a standstill.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{Notify, OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::control::{ControlDirectory, Found};
use super::master::{Health, Master};

/// How long a connection of an earlier run may take to say that it lives, and to end. It may be in
/// use by another run: then it ends with that.
const PATIENCE: Duration = Duration::from_secs(2);
const PARTING: Duration = Duration::from_millis(250);

/// The right to one living connection.
pub(super) type Seat = OwnedSemaphorePermit;

/// Somebody who may hold a seat.
#[async_trait]
pub(super) trait Tenant: Send + Sync {
    /// When the seat was last used, if there is one; 0 is never.
    fn last_used(&self) -> Option<u64>;

    /// Gives the seat back with its connection ended, unless a request is under way.
    async fn leave(&self) -> bool;
}

/// The seats of a run.
pub(super) struct Capacity {
    seats: Arc<Semaphore>,
    clock: AtomicU64,
    vacated: Notify,
    tenants: Mutex<Vec<Weak<dyn Tenant>>>,
    /// The keys of this run's machines.
    keys: HashSet<String>,
    control: Arc<ControlDirectory>,
    surveyed: OnceCell<()>,
    /// Connections of earlier runs that nobody has claimed yet, the oldest first.
    inherited: Mutex<Vec<(Found, Option<Seat>)>>,
}

impl Capacity {
    /// Makes so many seats for machines with these keys.
    pub(super) fn new(limit: usize, keys: HashSet<String>, control: Arc<ControlDirectory>) -> Self {
        raise_limit_of_files(limit);
        Self {
            seats: Arc::new(Semaphore::new(limit.clamp(1, Semaphore::MAX_PERMITS))),
            clock: AtomicU64::new(1),
            vacated: Notify::new(),
            tenants: Mutex::default(),
            keys,
            control,
            surveyed: OnceCell::new(),
            inherited: Mutex::default(),
        }
    }

    /// Takes note of somebody who may come to hold a seat.
    pub(super) fn admit(&self, tenant: Weak<dyn Tenant>) {
        locked(&self.tenants).push(tenant);
    }

    /// The present, to be remembered as the time of the last use.
    pub(super) fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    /// Says that somebody who holds a seat has nothing to do.
    pub(super) fn idle(&self) {
        self.vacated.notify_waiters();
    }

    /// Hands over a connection of an earlier run, with its seat.
    pub(super) async fn claim(&self, key: &str) -> Option<(Master, Seat)> {
        self.survey().await;
        let mut inherited = locked(&self.inherited);
        let wanted = |(found, seat): &(Found, Option<Seat>)| found.key == key && seat.is_some();
        let place = inherited.iter().position(wanted)?;
        let (found, seat) = inherited.remove(place);
        Some((found.master, seat?))
    }

    /// Waits for a seat.
    pub(super) async fn seat(&self) -> Option<Seat> {
        self.survey().await;
        let seat = Arc::clone(&self.seats).acquire_owned();
        tokio::pin!(seat);
        loop {
            let vacated = self.vacated.notified();
            tokio::pin!(vacated);
            vacated.as_mut().enable();
            let made_room = tokio::select! {
                biased;
                // None only where seats are closed, which they never are.
                seat = &mut seat => return seat.ok(),
                made_room = self.make_room() => made_room,
            };
            if !made_room {
                tokio::select! {
                    seat = &mut seat => return seat.ok(),
                    () = vacated => {}
                }
            }
        }
    }

    /// Lets one connection give way; false where all are in use.
    async fn make_room(&self) -> bool {
        if let Some((found, seat)) = self.stranger(true) {
            return dismiss(found, seat).await;
        }
        for tenant in self.candidates() {
            let leaving = tokio::spawn(async move { tenant.leave().await });
            if leaving.await.unwrap_or(false) {
                return true;
            }
        }
        match self.stranger(false) {
            Some((found, seat)) => dismiss(found, seat).await,
            None => false,
        }
    }

    /// Those who hold a seat, in the order in which they have to give way.
    fn candidates(&self) -> Vec<Arc<dyn Tenant>> {
        let tenants = locked(&self.tenants);
        let tenants = tenants.iter().filter_map(Weak::upgrade);
        let mut seated: Vec<_> = tenants
            .filter_map(|tenant| Some((tenant.last_used()?, tenant)))
            .collect();
        seated.sort_by_key(|(used, _)| *used);
        seated.into_iter().map(|(_, tenant)| tenant).collect()
    }

    /// Takes the oldest connection of an earlier run: of a machine that this run has nothing to do
    /// with, or of any. Its own are spared as long as possible, since they will be wanted.
    fn stranger(&self, only_others: bool) -> Option<(Found, Option<Seat>)> {
        let mut inherited = locked(&self.inherited);
        let place = inherited
            .iter()
            .position(|(found, _)| !(only_others && self.keys.contains(&found.key)))?;
        Some(inherited.remove(place))
    }

    /// Looks once which connections of earlier runs still live, and sweeps up after those that
    /// do not. The living have seats, and what is too many is ended.
    async fn survey(&self) {
        let survey = async {
            let mut checks = JoinSet::new();
            for found in self.control.found() {
                checks.spawn(async move { (found.master.health_within(PATIENCE).await, found) });
            }
            let mut living = Vec::new();
            for (health, found) in checks.join_all().await {
                match health {
                    Health::Alive => living.push(found),
                    // It may be another run's, so it is not for us to end.
                    Health::Hung => {}
                    Health::Gone => {
                        let _ = std::fs::remove_file(found.master.socket());
                    }
                }
            }
            living.sort_by_key(|found| found.since);
            let mut kept = Vec::new();
            for found in living.into_iter().rev() {
                match Arc::clone(&self.seats).try_acquire_owned() {
                    Ok(seat) => kept.push((found, Some(seat))),
                    Err(_) => found.master.dismiss(PARTING).await,
                }
            }
            kept.reverse();
            *locked(&self.inherited) = kept;
        };
        self.surveyed.get_or_init(|| survey).await;
    }
}

/// Lets this process have as many files open as so many connections take: three pipes and a
/// socket each.
fn raise_limit_of_files(connections: usize) {
    let wanted = u64::try_from(connections).unwrap_or(u64::MAX);
    let wanted = wanted.saturating_mul(5).saturating_add(512);
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < wanted) {
        let current = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
        let current = Some(current);
        if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current, ..limit }) {
            tracing::warn!(%error, wanted, "the limit of open files cannot be raised");
        }
    }
}

/// Ends a connection of an earlier run, in a task of its own: it has to be done even where whoever
/// waits for the seat has given up.
async fn dismiss(found: Found, seat: Option<Seat>) -> bool {
    let ending = tokio::spawn(async move {
        found.master.dismiss(PARTING).await;
        drop(seat);
    });
    ending.await.is_ok()
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
