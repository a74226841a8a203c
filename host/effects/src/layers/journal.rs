//! Writes down what is asked, before it is sent, and what came of it.

use std::sync::Arc;

use async_trait::async_trait;

use crate::record::{Asked, Came, Intent, Journal, JournalError, Place, Told, TurnEnded, TurnName};
use crate::{Effect, EffectError, Effects, Ending, Outcome, Turn};

/// Records each effect before it goes down and its outcome when it comes back.
pub struct Journaled<E> {
    inner: E,
    journal: Arc<Journal>,
}

impl<E: Effects> Journaled<E> {
    /// A layer over another that writes to a journal.
    pub fn new(inner: E, journal: Arc<Journal>) -> Self {
        Self { inner, journal }
    }

    /// The layer below.
    pub(super) fn below(&self) -> &E {
        &self.inner
    }

    /// Writes what came of a change or a look.
    pub(super) fn came(
        &self,
        effect: &Effect,
        result: &Result<Outcome, EffectError>,
    ) -> Result<(), EffectError> {
        let came = Came {
            effect: Place::from(effect),
            told: Told::from(result),
        };
        let changes = effect.may_change();
        Ok(self.journal.append("outcome", &came, changes)?)
    }
}

impl From<JournalError> for EffectError {
    // Nothing is done without a record of it.
    fn from(error: JournalError) -> Self {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
        Self::other(format!("{error}{}", cause.unwrap_or_default()))
    }
}

#[async_trait]
impl<E: Effects> Effects for Journaled<E> {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        let asked = Asked::of(&effect).map_err(JournalError::from)?;
        let intent = Intent::of(&effect, asked);
        // Only an intent to change must not be lost: a lost look is looked at again.
        let changes = effect.may_change();
        self.journal.append("intent", &intent, changes)?;
        let result = self.inner.perform(effect.clone()).await;
        self.came(&effect, &result)?;
        result
    }

    fn ended(&self, turn: &Turn, ending: Ending) {
        let turn = TurnName::from(turn);
        let ended = TurnEnded { turn, ending };
        // A journal that cannot be written takes nothing more: the run learns of it with its next
        // effect, or with its end.
        let _ = self.journal.append("turn", &ended, false);
    }
}
