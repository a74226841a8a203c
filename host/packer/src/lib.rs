//! Turns a compiled guest into a finished module file.
//!
//! [`pack`] takes what a compiler left and the module's [`Folder`]: it makes a component of the
//! guest ([`componentize`]), asks it for the schema of its settings where the folder has none
//! ([`describe`]), and puts manifest, schema and templates into it. [`Folder::load`] is the only
//! function that opens files. The crate starts no compiler and runs no module: all that it ever
//! runs of a guest is its description, with nothing around it.

mod componentize;
mod describe;
mod error;
mod folder;
mod pack;

pub use componentize::componentize;
pub use describe::describe;
pub use error::PackError;
pub use folder::Folder;
pub use pack::pack;
