//! What a machine writes while a request is under way.

use std::sync::Arc;

/// Which of the two streams something was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Errors,
}

/// An ear for what programs write before they end. It hears raw bytes in pieces of any size, and
/// no more of a stream than its request keeps, or a MiB where that is the last of it.
#[derive(Clone, Default)]
pub struct Echo(Option<Arc<Ear>>);

type Ear = dyn Fn(Stream, &[u8]) + Send + Sync;

impl Echo {
    /// One that passes on what it hears. Called from within the exchange, so it must be quick.
    pub fn new(ear: impl Fn(Stream, &[u8]) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(ear)))
    }

    /// Whether nobody listens.
    pub fn is_silent(&self) -> bool {
        self.0.is_none()
    }

    /// Passes on what was written.
    pub fn hear(&self, stream: Stream, bytes: &[u8]) {
        if let (Some(ear), false) = (&self.0, bytes.is_empty()) {
            ear(stream, bytes);
        }
    }
}

impl std::fmt::Debug for Echo {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(if self.is_silent() {
            "Echo(silent)"
        } else {
            "Echo"
        })
    }
}
