//! Who goes when.
//!
//! A [`Deployment`] is a plan whose modules are loaded, whose settings fit their schemas, and
//! which every module has judged: [`prepare`] makes one or says everything that is wrong.
//! [`run`] takes it through its phases over a stack of effects, says what happens as
//! [`Event`]s, and ends with a [`Summary`].
//!
//! The engine prints nothing, opens no file and knows nothing of dry runs: what an effect does is
//! decided by the stack that it is given.

mod barrier;
mod budget;
mod deployment;
mod event;
mod gate;
mod ground;
mod needs;
mod order;
mod outputs;
mod passage;
mod ports;
mod removal;
mod roll;
mod rolling;
mod run;
mod schema;
mod summary;
mod templates;
mod turn;
mod witness;

pub use barrier::{Answer, Ensemble, Evidence, Mode, Seen, ask_ensemble, stand_at_barrier};
pub use cellhost_effects::layers::Stop;
pub use cellhost_lock::Roster;
pub use deployment::{Deployment, Placed, prepare};
pub use event::{Event, Events, Happening};
pub use needs::{Need, Provider};
pub use order::Blocked;
pub use removal::{Removal, RemovalError, remove};
pub use run::run;
pub use summary::{Row, Status, Summary, Tally};
