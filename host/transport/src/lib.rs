//! How bytes reach a machine.
//!
//! A [`Courier`] is the remote end of one machine: it is asked [`Request`]s and gives
//! [`Reply`]s. A [`Fleet`] hands out the courier of a machine by name. There are three kinds:
//! over ssh ([`SshFleet`]), on this computer itself ([`LocalFleet`]), and simulated in memory
//! ([`SimulatedFleet`]). The first two share one way of speaking to a POSIX shell.
//!
//! This is the only crate that starts ssh and the only one that builds shell text; the rest of
//! the house speaks in wishes, facts and commands. What a machine answers is hostile until
//! parsed. Nothing here decides *whether* something may be done: that is the effects' part.

pub mod octets;
pub mod resources;

mod courier;
mod digest;
mod echo;
mod lease;
mod local;
mod realm;
mod request;
mod settled;
mod shell;
mod simulated;
mod ssh;

pub use courier::{Courier, CourierError, Fleet, Parting, Stage};
pub use echo::{Echo, Stream};
pub use lease::{Claim, Lease, Owner, Tenure, Withheld};
pub use local::LocalFleet;
pub use realm::Realm;
pub use request::{Answer, Command, Dial, DialOutcome, FileKind, FileStatus, Reply, Request};
pub use resources::cause::Cause;
pub use resources::{Difference, Facts, Identity, Task, Wish};
pub use settled::{Fate, Settled, Trouble};
pub use shell::MEMORY;
#[doc(hidden)]
pub use shell::{hearsay, script_length};
pub use simulated::{
    Fault, Node, Package, SimulatedFleet, SimulatedMachine, SimulatedService, State,
};
pub use ssh::{SshError, SshFleet};
