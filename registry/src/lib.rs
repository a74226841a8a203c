//! Module names and versions to bytes.
//!
//! A [`Registry`] looks through its [`Shelf`]s for the highest version that a requirement
//! accepts, and explains itself when there is none. Two shelves exist: the modules inside this
//! program, and a directory of `.wasm` files. What a shelf claims to hold is compared with the
//! manifest inside the bytes before anybody gets them.

mod builtin;
mod directory;
mod registry;
mod shelf;

pub use builtin::Builtin;
pub use directory::Directory;
pub use registry::{Registry, ResolveError, Resolved};
pub use shelf::{Shelf, ShelfError};
