use tokio::sync::watch;

/// Whether a run has lost its lock or its store, and why. Clones share it.
#[derive(Debug, Clone)]
pub struct Loss {
    why: watch::Sender<Option<String>>,
}

impl Loss {
    pub(crate) fn new() -> Self {
        Self {
            why: watch::Sender::new(None),
        }
    }

    /// Says that it is lost. What was said first stays.
    pub(crate) fn tell(&self, reason: &str) {
        self.why.send_if_modified(|why| {
            let first = why.is_none();
            if first {
                *why = Some(reason.to_owned());
            }
            first
        });
    }

    /// Why it is lost; nothing while it is not.
    pub fn reason(&self) -> Option<String> {
        self.why.borrow().clone()
    }

    /// Waits until it is lost, and says why.
    pub async fn happened(&self) -> String {
        let mut why = self.why.subscribe();
        loop {
            if let Some(reason) = why.borrow_and_update().clone() {
                return reason;
            }
            // This end of it has a sender too, so it never closes.
            if why.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
