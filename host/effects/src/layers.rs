//! The layers that effects pass, from the module's side to the machine's.
//!
//! A real run stacks [`journal`] over [`policy`] over [`secrets`] over [`live`]; a dry run has
//! [`preview`] between the last two. In both, [`retry`] stands above the secrets, and [`halt`] stands
//! right above [`live`] and ends what is under way when the operator asks for it; in a real run, [`hours`]
//! stands above that and lets nothing begin that changes a machine when the plan does not. [`Foresight`] below
//! the secrets answers turns that only ask whether there is anything to do.
//! The journal is outermost so that what policy denied is on
//! record too; secrets come below it so that no value can reach a record.
//!
//! [`resumed`] takes the place of the journal when a run is gone on with; [`replayed`] the place of
//! everything when it is lived through once more.

mod agreed;
mod compared;
mod foresight;
mod halt;
mod hours;
mod journal;
mod live;
mod noted;
mod policy;
mod preview;
mod replayed;
mod resumed;
mod retry;
mod secrets;

pub use agreed::{Agreed, Approval, Deviation, Never};
pub use compared::{Compared, Comparison, Contrast, Way};
pub use foresight::Foresight;
pub use halt::{GRACE, Halt, Stop};
pub use hours::InHours;
pub use journal::Journaled;
pub use live::{Leases, Live, Standing};
pub use noted::{Noted, Notes};
pub use policy::Policy;
pub use preview::Preview;
pub use replayed::{Divergence, Replay, Replayed};
pub use resumed::{Arbiter, Question, Resumed, Verdict};
pub use retry::{Patience, Retried, Retry};
pub use secrets::{Secrets, masked};
