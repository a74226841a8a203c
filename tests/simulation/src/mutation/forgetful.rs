use std::sync::Arc;

use async_trait::async_trait;
use cellhost_effects::layers::Journaled;
use cellhost_effects::record::Journal;
use cellhost_effects::{Effect, EffectError, Effects, Ending, Outcome, Turn};
use tokio::sync::Mutex;
use tokio::sync::oneshot::{Sender, channel};

/// Writes down what is asked, and of changes not what came of it.
pub(super) struct Forgetful<E> {
    inner: Arc<E>,
    journal: Arc<Journal>,
}

impl<E> Forgetful<E> {
    pub(super) fn new(inner: E, journal: Arc<Journal>) -> Self {
        Self {
            inner: Arc::new(inner),
            journal,
        }
    }
}

#[async_trait]
impl<E: Effects> Effects for Forgetful<E> {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        if !effect.act.changes() {
            let shared = Shared(self.inner.clone());
            return Journaled::new(shared, self.journal.clone())
                .perform(effect)
                .await;
        }
        let (tell, told) = channel();
        let telling = Telling {
            inner: self.inner.clone(),
            tell: Mutex::new(Some(tell)),
        };
        let journaled = Journaled::new(telling, self.journal.clone());
        tokio::select! {
            biased;
            result = journaled.perform(effect) => result,
            told = told => told.unwrap_or_else(|_| Err(EffectError::other("nobody tells"))),
        }
    }

    fn ended(&self, turn: &Turn, ending: Ending) {
        Journaled::new(Shared(self.inner.clone()), self.journal.clone()).ended(turn, ending);
    }
}

/// The layers below, for more than one above.
struct Shared<E>(Arc<E>);

#[async_trait]
impl<E: Effects> Effects for Shared<E> {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        self.0.perform(effect).await
    }
}

/// Tells what came of an effect past whoever asked for it.
struct Telling<E> {
    inner: Arc<E>,
    tell: Mutex<Option<Sender<Result<Outcome, EffectError>>>>,
}

#[async_trait]
impl<E: Effects> Effects for Telling<E> {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        let result = self.inner.perform(effect).await;
        if let Some(tell) = self.tell.lock().await.take() {
            let _ = tell.send(result);
        }
        std::future::pending().await
    }
}
