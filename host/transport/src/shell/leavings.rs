//! Conversations that were given up half way: what runs for them is ended all the same, and
//! whoever closes waits for that.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::conversation::{Conversation, Heard, Lost, Terms};
use super::script::Script;
use crate::Echo;

/// The farewells that are under way.
#[derive(Default)]
pub(super) struct Leavings(Mutex<Vec<JoinHandle<()>>>);

impl Leavings {
    /// Holds a conversation while a request is under way.
    pub(super) fn holding(&self, conversation: Conversation) -> Held<'_> {
        Held {
            conversation: Some(conversation),
            leavings: self,
        }
    }

    /// Waits for all farewells.
    pub(super) async fn wait(&self) {
        let leaving = std::mem::take(&mut *self.held());
        for farewell in leaving {
            // A farewell that panicked has nothing left to say.
            let _ = farewell.await;
        }
    }

    fn held(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A conversation with a request under way. Dropped with the request, it takes its leave.
pub(super) struct Held<'a> {
    conversation: Option<Conversation>,
    leavings: &'a Leavings,
}

impl Held<'_> {
    /// Gives the conversation a script.
    pub(super) async fn carry(
        &mut self,
        script: Script,
        terms: Terms,
        echo: &Echo,
        closing: watch::Receiver<bool>,
    ) -> Result<Heard, Lost> {
        match &mut self.conversation {
            Some(conversation) => conversation.carry(script, terms, echo, closing).await,
            None => Err(Lost::Ended {
                words: String::new(),
                began: false,
            }),
        }
    }

    /// Gives the conversation back once nothing is under way.
    pub(super) fn release(mut self) -> Option<Conversation> {
        self.conversation.take()
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // Without a runtime there is nobody left to wait either: the pipes close all the same.
        if let (Some(conversation), Ok(runtime)) = (
            self.conversation.take(),
            tokio::runtime::Handle::try_current(),
        ) {
            self.leavings
                .held()
                .push(runtime.spawn(conversation.farewell()));
        }
    }
}
