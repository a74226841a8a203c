//! Turns a compiled guest into a finished module file.
//!
//! [`componentize`] makes a component of what a compiler left. The crate runs no guest, reads
//! no folder and starts no compiler: whoever calls it brings the bytes.

mod componentize;
mod describe;
mod error;

pub use componentize::componentize;
pub use describe::describe;
pub use error::PackError;
