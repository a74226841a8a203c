//! The layers that effects pass, from the module's side to the machine's.
//!
//! A real run stacks [`journal`] over [`policy`] over [`secrets`] over [`live`]; a dry run has
//! [`preview`] between the last two. The journal is outermost so that what policy denied is on
//! record too; secrets come below it so that no value can reach a record.

mod journal;
mod live;
mod policy;
mod preview;
mod secrets;

pub use journal::{Journal, JournalError, Journaled};
pub use live::Live;
pub use policy::Policy;
pub use preview::Preview;
pub use secrets::{Secrets, masked};
