use std::time::Duration;

use crate::Stage;

/// What goes wrong with one request to a simulated machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The machine is not reached; nothing was done.
    Before(Stage),
    /// It was done, and the connection lost before the reply.
    After,
    /// A settling is cut off after so many wishes, and the connection lost.
    Within(usize),
    /// The reply takes this long.
    Slow(Duration),
    /// The reply is no answer.
    Garbled,
}
