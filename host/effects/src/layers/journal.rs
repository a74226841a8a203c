//! Writes down what is asked, before it is sent, and what came of it.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;

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
    pub(super) async fn came(
        &self,
        effect: &Effect,
        result: &Result<Outcome, EffectError>,
    ) -> Result<(), EffectError> {
        let came = Came {
            effect: Place::from(effect),
            told: Told::from(result),
        };
        Ok(self.write("outcome", &came, effect.may_change()).await?)
    }

    /// Only what is about a change must not be lost: a lost look is looked at again.
    async fn write(
        &self,
        kind: &str,
        body: &impl Serialize,
        changes: bool,
    ) -> Result<(), JournalError> {
        if changes {
            self.journal.keep(kind, body).await
        } else {
            self.journal.append(kind, body, false)
        }
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
        if let Err(error) = self.write("intent", &intent, effect.may_change()).await {
            // It may stand here and not elsewhere. Whoever reads it here learns that it was not sent.
            let unsent = Err(EffectError::Interrupted { in_doubt: false });
            let _ = self.came(&effect, &unsent).await;
            return Err(error.into());
        }
        let result = self.inner.perform(effect.clone()).await;
        self.came(&effect, &result).await?;
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
