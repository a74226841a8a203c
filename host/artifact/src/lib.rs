//! Modules as registries keep them, without the way there.
//!
//! An [`Artifact`] is a module with the manifest that names it; [`parts`] finds it in a manifest
//! that anybody may have written. A [`Signature`] is somebody's word for a manifest, verified by a
//! [`PublicKey`], and [`Beside`] is the manifest that signatures are found in. A [`Pin`] is what
//! `cellhost.lock` says of a module.
//!
//! All of it is read from bytes of others. Nothing in this room opens a file or knows the network.

mod artifact;
mod beside;
mod pin;
mod signature;

pub use artifact::{Artifact, Blob, LARGEST_MANIFEST, MANIFEST, Parts, Unfit, named, parts};
pub use beside::Beside;
pub use pin::Pin;
pub use signature::{KeyError, PublicKey, SecretKey, Signature};
