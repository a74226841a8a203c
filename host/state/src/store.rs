use std::sync::Arc;
use std::time::Duration;

use cellhost_plan::{CellName, State};
use tokio::time::{Instant, sleep, timeout};

use crate::StoreError;
use crate::objects::{Objects, Trouble};

/// The pause after the first attempt that failed; each one after it is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest one.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The longest time that one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(15);
/// How long is waited by whoever has nothing under way yet.
const HASTE: Duration = Duration::from_secs(10);

/// The objects of one cell in a store.
#[derive(Clone)]
pub struct Store {
    objects: Arc<Objects>,
    url: String,
    patience: Duration,
}

/// What came of creating an object.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Created {
    /// It is there and holds what it should.
    Ours,
    /// One is there that holds something else.
    Taken(Vec<u8>),
}

impl Store {
    /// Prepares to speak to the store of a cell; says nothing to it yet.
    pub fn open(state: &State, cell: &CellName) -> Result<Self, StoreError> {
        Ok(Self {
            objects: Arc::new(Objects::open(state, cell.as_str())?),
            url: state.url(),
            patience: state.patience,
        })
    }

    /// Its address, as the plan has it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How long is waited for it at most.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// The same store for whoever has nothing under way yet, and had better be told soon.
    pub fn in_haste(&self) -> Self {
        Self {
            patience: self.patience.min(HASTE),
            ..self.clone()
        }
    }

    /// Creates an object, or says what is there already. One that an earlier attempt made, whose
    /// answer was lost, holds the same and counts as made.
    pub(crate) async fn create(&self, name: &str, bytes: &[u8]) -> Result<Created, StoreError> {
        self.patiently(|| async {
            if self.objects.create(name, bytes).await? {
                return Ok(Created::Ours);
            }
            match self.objects.read(name).await? {
                Some(found) if found == bytes => Ok(Created::Ours),
                Some(found) => Ok(Created::Taken(found)),
                // Some stores say so too while another one is creating it.
                None => Err(Trouble::Passing("objects come and go".to_owned())),
            }
        })
        .await
    }

    /// Whether it refuses to create what is there, as it has to.
    pub(crate) async fn check(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let replaced = self.patiently(|| self.objects.create(name, bytes)).await?;
        if replaced {
            let url = self.url.clone();
            return Err(StoreError::Replaces { url });
        }
        Ok(())
    }

    pub(crate) async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.patiently(|| self.objects.read(name)).await
    }

    pub(crate) async fn has(&self, name: &str) -> Result<bool, StoreError> {
        self.patiently(|| self.objects.has(name)).await
    }

    pub(crate) async fn files(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        self.patiently(|| self.objects.files(folder)).await
    }

    pub(crate) async fn folders(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        self.patiently(|| self.objects.folders(folder)).await
    }

    /// Removes an object that nobody needs any longer. It is no matter if it stays.
    pub(crate) async fn discard(&self, name: &str) {
        let removed = timeout(self.attempt(), self.objects.remove(name)).await;
        if !matches!(removed, Ok(Ok(()))) {
            tracing::debug!(name, "an object that is not needed stays in the store");
        }
    }

    pub(crate) fn overtaken(&self, object: &str) -> StoreError {
        StoreError::Overtaken {
            url: self.url.clone(),
            object: object.to_owned(),
        }
    }

    pub(crate) fn broken(&self, object: &str, reason: impl Into<String>) -> StoreError {
        StoreError::Broken {
            url: self.url.clone(),
            object: object.to_owned(),
            reason: reason.into(),
        }
    }

    fn attempt(&self) -> Duration {
        (self.patience / 3).min(ATTEMPT)
    }

    /// Asks again while that may help, each time later and no two askers in step.
    async fn patiently<T, F>(&self, ask: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let reason = match timeout(self.attempt(), ask()).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(Trouble::Lasting(reason))) => {
                    let url = self.url.clone();
                    return Err(StoreError::Refused { url, reason });
                }
                Ok(Err(Trouble::Passing(reason))) => reason,
                Err(_) => format!("no answer within {:?}", self.attempt()),
            };
            let next = jittered(pause);
            let waited = begun.elapsed();
            if waited + next >= self.patience {
                let url = self.url.clone();
                return Err(StoreError::Away {
                    url,
                    waited,
                    reason,
                });
            }
            tracing::debug!(reason, ?next, "the store is asked again");
            sleep(next).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Between a half and one and a half of a pause.
fn jittered(pause: Duration) -> Duration {
    let chance = jiff::Timestamp::now().subsec_nanosecond().unsigned_abs() % 1000;
    pause / 2 + pause * chance / 1000
}
