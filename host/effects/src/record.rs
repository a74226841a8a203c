//! What is kept of a run, so that it can be gone on with, shown and lived through once more.
//!
//! A [`Journal`] writes lines to a [`Sink`], each with its own hash and that of the line before. A
//! [`Record`] is such lines read back, or the place where they are not what was written. [`Past`]
//! is what a record says of turns and effects: what was asked, by its digest, and what came of it
//! in full, so that a module can be given the very same answer.
//!
//! All of it stands above the secrets: it has their names and hashes of content, never values.

mod asked;
mod intent;
mod journal;
mod line;
mod name;
mod past;
mod result;
mod sink;
mod turn;

pub use asked::Asked;
pub use journal::{Journal, JournalError};
pub use line::{Line, Record, RecordError};
pub use name::{EffectName, TurnName, WrongName};
pub use past::Past;
pub use result::Told;
pub use sink::{Elsewhere, FileSink, MemorySink, Sink};
pub use turn::{Answered, PastEffect, PastTurn};

pub(crate) use intent::{Came, CameAgain, Doubted, Intent, Place, TurnEnded, WentLive};

/// The form of records that this program writes and reads. It stands in the first line.
pub const FORMAT: u32 = 1;
