use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use cellhost_effects::layers::Journaled;
use cellhost_effects::record::Journal;
use cellhost_effects::{Effect, EffectError, Effects, Outcome};

/// Writes down what was asked when it is over.
pub(super) struct Late<E> {
    inner: E,
    journal: Arc<Journal>,
}

impl<E> Late<E> {
    pub(super) fn new(inner: E, journal: Arc<Journal>) -> Self {
        Self { inner, journal }
    }
}

#[async_trait]
impl<E: Effects> Effects for Late<E> {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        let result = self.inner.perform(effect.clone()).await;
        let known = Known(Mutex::new(Some(result)));
        Journaled::new(known, self.journal.clone())
            .perform(effect)
            .await
    }
}

/// Answers once, with what is known already.
struct Known(Mutex<Option<Result<Outcome, EffectError>>>);

#[async_trait]
impl Effects for Known {
    async fn perform(&self, _: Effect) -> Result<Outcome, EffectError> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        known.unwrap_or_else(|| Err(EffectError::other("asked twice")))
    }
}
