//! The remote end of a machine, and where couriers come from.

use std::sync::Arc;

use async_trait::async_trait;
use cellhost_plan::MachineName;

use crate::{Echo, Lease, Reply, Request};

/// The remote end of one machine.
///
/// Requests of one courier are carried one after the other, in the order of the calls.
#[async_trait]
pub trait Courier: Send + Sync {
    /// Carries one request to the machine and its reply back.
    ///
    /// An error says whether the request may have reached the machine: see
    /// [`CourierError::in_doubt`].
    async fn exchange(&self, request: Request) -> Result<Reply, CourierError> {
        self.exchange_aloud(request, Echo::default()).await
    }

    /// The same, with an ear for what commands write, and for what is written while wishes are
    /// settled, before the reply is there.
    async fn exchange_aloud(&self, request: Request, echo: Echo) -> Result<Reply, CourierError>;

    /// Whose lease stood on the machine when it last greeted; none where nobody's did, or where it
    /// has not greeted yet.
    fn greeted_by(&self) -> Option<Lease> {
        None
    }

    /// Whether it is connected and carries nothing: to ask it something small disturbs nobody.
    fn is_idle(&self) -> bool {
        true
    }

    /// Has something asked before the connection gives way to another machine's, from now on. For
    /// couriers whose connections never do, nothing.
    fn before_parting(&self, _parting: Arc<dyn Parting>) {}

    /// Ends whatever still runs on the machine for this courier and lets go of it.
    async fn close(&self);
}

/// What a machine is asked before its connection gives way to another machine's.
pub trait Parting: Send + Sync {
    /// The request; none where there is nothing to say.
    fn request(&self) -> Option<Request>;

    /// What came back. Not called where nobody heard.
    fn answered(&self, reply: Reply);
}

/// Hands out couriers by machine.
#[async_trait]
pub trait Fleet: Send + Sync {
    /// Returns the courier of a machine, connecting if that has not happened yet.
    async fn courier(&self, machine: &MachineName) -> Result<Arc<dyn Courier>, CourierError>;

    /// Closes every courier that was handed out. Called once, at the end of a run.
    async fn close(&self);
}

/// How far a connection got when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The address had to be found.
    Resolve,
    /// A TCP connection had to be made.
    Connect,
    /// The other side had to say that it speaks ssh; a frozen machine stops here.
    Banner,
    /// The machine's key had to be known.
    HostKey,
    /// The user had to be let in.
    Authenticate,
    /// The user had to become root.
    Become,
    /// The courier had to start and say what it finds there.
    Start,
    /// A request was under way.
    Effect,
}

/// Why a request has no reply.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CourierError {
    /// The machine could not be reached, or was lost.
    #[error("machine `{machine}` cannot be reached ({stage}): {reason}")]
    Unreachable {
        /// Which machine.
        machine: MachineName,
        /// How far it got.
        stage: Stage,
        /// ssh's own words, or ours.
        reason: String,
        /// Whether a change may have been made before the connection was lost.
        in_doubt: bool,
    },
    /// The command did not end in time and was ended.
    #[error("no end within {deadline_ms} ms on machine `{machine}`")]
    Deadline {
        /// Which machine.
        machine: MachineName,
        /// How long it had.
        deadline_ms: u64,
    },
    /// The machine answered something that is no answer.
    #[error("machine `{machine}` answered what cannot be understood: {reason}")]
    Garbled {
        /// Which machine.
        machine: MachineName,
        /// What was wrong with it.
        reason: String,
    },
    /// The machine lacks something that a courier needs.
    #[error("machine `{machine}` lacks `{missing}`, which cellhost needs there")]
    Unfit {
        /// Which machine.
        machine: MachineName,
        /// What is missing.
        missing: String,
    },
}

impl CourierError {
    /// Whether the request may have changed the machine all the same.
    pub fn in_doubt(&self) -> bool {
        match self {
            Self::Unreachable { in_doubt, .. } => *in_doubt,
            Self::Deadline { .. } | Self::Garbled { .. } => true,
            Self::Unfit { .. } => false,
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Resolve => "finding its address",
            Self::Connect => "connecting",
            Self::Banner => "waiting for its greeting",
            Self::HostKey => "checking its key",
            Self::Authenticate => "authenticating",
            Self::Become => "becoming root",
            Self::Start => "starting the courier",
            Self::Effect => "carrying out an effect",
        })
    }
}
