use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::claim::Claim;
use crate::succession::{Followed, Succession};
use crate::{Holder, Loss, Standing, Store, StoreError};

/// How often the lock is tried for where others come and go.
const TRIES: usize = 5;

/// The lock of a cell, as long as it is ours: until it is released, lost, or this is dropped without
/// a word, when it stays ours in the store.
pub struct Hold {
    held: Arc<Held>,
    renewal: JoinHandle<()>,
}

/// What a hold and its renewal share.
pub(crate) struct Held {
    claims: Succession,
    place: Mutex<Place>,
    /// When it was last certain to be ours, by a clock that goes on while the computer sleeps.
    certain: AtomicU64,
    loss: Loss,
}

struct Place {
    number: u64,
    holder: Holder,
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody has it.
    #[error("somebody else has the lock")]
    Taken(Box<Standing>),
    /// The store could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Takes the lock of the cell, or says who has it. One that was left by an earlier process of
    /// the same controller is taken over: the caller knows that it is dead.
    pub async fn lock(&self, holder: Holder) -> Result<Hold, LockError> {
        let claims = self.in_haste().claims();
        for _ in 0..TRIES {
            let begun = uptime();
            let last = claims.last().await?;
            match Standing::of(&last) {
                Standing::Free => {}
                Standing::Held { holder: other, .. } if other.controller == holder.controller => {}
                taken => return Err(LockError::Taken(Box::new(taken))),
            }
            let claim = held_by(&holder).bytes();
            let Followed::With(number) = claims.follow(last.0, &claim).await? else {
                continue;
            };
            claims.check(number, &claim).await?;
            claims.discard(last.0).await;
            return Ok(Hold::begin(self.claims(), number, holder, begun));
        }
        Err(LockError::Taken(Box::new(self.standing().await?)))
    }
}

fn held_by(holder: &Holder) -> Claim {
    Claim::Held {
        holder: holder.clone(),
        sign: jiff::Timestamp::now().to_string(),
    }
}

/// Milliseconds since the computer started, the time it slept included.
fn uptime() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(now.tv_nsec).unwrap_or(0);
    seconds * 1000 + nanoseconds / 1_000_000
}

impl Hold {
    fn begin(claims: Succession, number: u64, holder: Holder, certain: u64) -> Self {
        let held = Arc::new(Held {
            claims,
            place: Mutex::new(Place { number, holder }),
            certain: AtomicU64::new(certain),
            loss: Loss::new(),
        });
        let renewal = tokio::spawn(renew_for_ever(held.clone()));
        Self { held, renewal }
    }

    /// Tells whoever is refused meanwhile which run it is held for.
    pub async fn held_for(&self, run: &str) -> Result<(), StoreError> {
        self.held.place.lock().await.holder.run = Some(run.to_owned());
        self.held.renew().await
    }

    /// Whether it was lost, and why.
    pub fn loss(&self) -> &Loss {
        &self.held.loss
    }

    pub(crate) fn held(&self) -> Arc<Held> {
        self.held.clone()
    }

    /// Gives it back, if it is still ours.
    pub async fn release(self) -> Result<(), StoreError> {
        self.renewal.abort();
        let place = self.held.place.lock().await;
        let claims = self.held.claims.store().in_haste().claims();
        let free = Claim::Free {
            was: Some(place.holder.token.clone()),
            by: format!("{}@{}", place.holder.user, place.holder.host),
            at: jiff::Timestamp::now().to_string(),
        };
        if let Followed::With(_) = claims.follow(place.number, &free.bytes()).await? {
            claims.discard(place.number).await;
        }
        Ok(())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

async fn renew_for_ever(held: Arc<Held>) {
    let patience = held.claims.store().patience();
    while held.loss.reason().is_none() {
        sleep(patience / 3).await;
        // What went wrong is told by the loss.
        let _ = held.renew().await;
    }
}

impl Held {
    /// Makes sure that the lock is ours now, and that it was so lately.
    pub(crate) async fn sure(&self) -> Result<(), StoreError> {
        if self.loss.reason().is_none() && self.age() < self.claims.store().patience() {
            return Ok(());
        }
        self.renew().await
    }

    pub(crate) fn loss(&self) -> &Loss {
        &self.loss
    }

    fn age(&self) -> Duration {
        let certain = self.certain.load(Ordering::Acquire);
        Duration::from_millis(uptime().saturating_sub(certain))
    }

    /// Says again that it is ours. Who cannot say so for too long has lost it, and so has who finds
    /// that somebody else has said something.
    async fn renew(&self) -> Result<(), StoreError> {
        let store = self.claims.store();
        let mut place = self.place.lock().await;
        let begun = uptime();
        let claim = held_by(&place.holder).bytes();
        // Attempts begun before the last sign was old end when it is; later ones have their time.
        let left = match store.patience().checked_sub(self.age()) {
            Some(left) if !left.is_zero() => left,
            _ => store.patience(),
        };
        let said = match timeout(left, self.claims.follow(place.number, &claim)).await {
            Ok(Ok(said)) => said,
            Ok(Err(error)) => {
                self.loss.tell(&error.to_string());
                return Err(error);
            }
            Err(_) => {
                let error = StoreError::Away {
                    url: store.url().to_owned(),
                    waited: self.age(),
                    reason: "it could not be told that the run is alive".to_owned(),
                };
                self.loss.tell(&error.to_string());
                return Err(error);
            }
        };
        let number = match said {
            Followed::With(number) => number,
            // An earlier sign whose answer was lost.
            Followed::Taken(last) if is_of(&last.1, &place.holder) => last.0,
            Followed::Taken(last) => {
                let reason = taken_by(&Standing::of(&last), &last.1);
                self.loss
                    .tell(&format!("the lock of the cell was {reason}"));
                return Err(store.broken("lock", format!("was {reason}")));
            }
        };
        self.claims.discard(place.number).await;
        place.number = number;
        self.certain.store(begun, Ordering::Release);
        Ok(())
    }
}

fn is_of(bytes: &[u8], own: &Holder) -> bool {
    let claim = serde_json::from_slice(bytes);
    matches!(claim, Ok(Claim::Held { holder, .. }) if holder.token == own.token)
}

fn taken_by(stands: &Standing, bytes: &[u8]) -> String {
    match (stands, serde_json::from_slice(bytes)) {
        (_, Ok(Claim::Free { by, at, .. })) => format!("taken away by {by} at {at}"),
        (Standing::Held { holder, .. }, _) => {
            format!("taken away, and {}@{} has it now", holder.user, holder.host)
        }
        _ => "taken away".to_owned(),
    }
}
