//! Where the pipes of a conversation come from.

use std::any::Any;
use std::time::Duration;

use async_trait::async_trait;
use cellhost_plan::MachineName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OwnedSemaphorePermit;

use crate::{CourierError, Stage};

/// A shell's input and outputs.
pub(crate) struct Pipes {
    /// What the shell reads.
    pub(crate) input: Box<dyn AsyncWrite + Send + Unpin>,
    /// Its standard output.
    pub(crate) output: Box<dyn AsyncRead + Send + Unpin>,
    /// Its standard error.
    pub(crate) errors: Box<dyn AsyncRead + Send + Unpin>,
    /// Whatever has to live as long as they do; dropping it ends what is left.
    pub(crate) keeper: Box<dyn Any + Send>,
    /// The right to set up a connection, given back once there is a greeting.
    pub(crate) gate: Option<OwnedSemaphorePermit>,
}

/// A way to one machine.
#[async_trait]
pub(crate) trait Line: Send + Sync {
    /// Which machine it leads to.
    fn machine(&self) -> &MachineName;

    /// Starts a shell there.
    async fn open(&self) -> Result<Pipes, CourierError>;

    /// Called when a request has ended and no other is under way.
    fn idle(&self) {}

    /// Lets go of whatever [`Line::open`] needed, with nothing open: somebody else needs it.
    async fn rest(&self) {}

    /// The same at the end, of what is not to outlive the run.
    async fn close(&self) {}

    /// How long the shell may take to say what it finds.
    fn patience(&self) -> Duration;

    /// What was said of the line itself when it was lost, if anything.
    async fn last_words(&self) -> Option<String> {
        None
    }

    /// Tells why no shell answered, from what was said instead.
    fn explain(&self, words: &str, late: bool) -> Failure;
}

/// Why no shell answered.
pub(crate) enum Failure {
    /// The machine was not reached.
    Unreachable {
        /// How far it got.
        stage: Stage,
        /// In words.
        reason: String,
        /// Whether a shell may have had the script all the same.
        sent: bool,
    },
    /// The machine lacks something.
    Unfit(String),
}
