//! A connection that a line relies on.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::capacity::Seat;
use super::connecting::LastWords;
use super::master::{Health, Master};

/// How often an ssh is looked after.
const ROUND: Duration = Duration::from_secs(5);

/// A connection that stands, and the right to it.
pub(super) struct Standing {
    pub(super) master: Master,
    pub(super) seat: Seat,
    /// Of a connection that an earlier run made nobody hears them.
    pub(super) words: Option<LastWords>,
}

/// Ends an ssh that hangs, for as long as somebody relies on it: then it is lost, and not silent.
pub(super) struct Watch(JoinHandle<()>);

impl Watch {
    /// Looks after this one.
    pub(super) fn over(master: Master) -> Self {
        Self(tokio::spawn(async move {
            loop {
                sleep(ROUND).await;
                match master.health().await {
                    Health::Alive => {}
                    Health::Hung => return master.kill(),
                    // It takes no more sessions; ours goes on.
                    Health::Gone => return,
                }
            }
        }))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}
