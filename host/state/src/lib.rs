//! A cell's lock and the records of its runs, in an object store beside the computer that runs it.
//!
//! A [`Store`] has the objects of one cell. All it asks of whoever keeps them is one thing: to create
//! an object only where there is none. From that come the lock (a [`Hold`] as long as it is ours,
//! [`Standing`] for whoever looks), records in immutable segments ([`SegmentSink`] writes them,
//! [`Store::bring`] copies them here), modules by hash, and who has which number.
//!
//! No other crate names a store's library. Nothing here decides what a run does: who loses a lock or
//! a store is told by a [`Loss`]. Values of secrets never come here, since records have none.

mod claim;
mod copy;
mod error;
mod hold;
mod loss;
mod module;
mod segments;
mod store;
mod succession;

#[cfg(feature = "stores")]
mod objects;
#[cfg(not(feature = "stores"))]
#[path = "no_objects.rs"]
mod objects;

pub use claim::{Holder, Standing};
pub use copy::Brought;
pub use error::StoreError;
pub use hold::{Hold, LockError};
pub use loss::Loss;
pub use segments::SegmentSink;
pub use store::Store;
