//! Module names and versions to bytes.
//!
//! A [`Registry`] asks its [`Shelf`]s in their order: the first that has a version which a requirement
//! accepts gives the highest of those, and where none has one it explains itself. There are the modules
//! inside this program, directories of `.wasm` files, and registries that speak the OCI's protocol,
//! whose modules are kept in a [`Cache`] and found again by a [`Pin`]. What a shelf claims to hold is
//! compared with the manifest inside the bytes before anybody gets them, and what comes from a registry
//! is held against the signatures that a [`Trust`] wants. Only this room knows that protocol.

mod builtin;
mod cache;
mod directory;
mod layout;
mod oci;
mod offer;
mod registry;
mod resolved;
mod serve;
mod shelf;
mod trust;
mod whole;

pub use builtin::Builtin;
pub use cache::{Cache, CacheError};
pub use cellhost_artifact::{Artifact, KeyError, Pin, PublicKey, SecretKey, Signature, Unfit};
pub use directory::Directory;
pub use layout::{LayoutError, write_layout};
pub use oci::{Listener, PublishError, Published, Remote, RemoteError, Scope, publish, yank};
pub use offer::{Offer, OfferError, Reply};
pub use registry::Registry;
pub use resolved::{ResolveError, Resolved};
pub use serve::serve;
pub use shelf::{Fetched, Shelf, ShelfError, Stock};
pub use trust::{Rule, Trust, TrustError, TrustedKey};
