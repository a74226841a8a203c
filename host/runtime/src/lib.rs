//! Loads modules as WebAssembly components and serves their imports.
//!
//! A [`Runtime`] turns bytes into a [`Module`]: what it needs is compared with what this host
//! offers before anything of it runs. Each call of a hook is a turn in a fresh instance with a
//! [`Context`]: the cell as the module may see it, and the effects it may ask for. What a guest
//! passes in is hostile; what it did wrong ends its turn with a [`TurnError`] and nothing else.
//!
//! This is the only crate that names wasmtime. It decides nothing about machines: each file under
//! `interfaces` translates one WIT interface and hands on.

mod context;
mod contract;
mod error;
mod inspect;
mod interfaces;
mod limits;
mod module;
mod runtime;
mod store;
mod totals;
mod wasi;

pub use context::{CellView, Context, Level, Member, Voice};
pub use error::{Fault, LoadError, TurnError};
pub use inspect::{Import, OFFERS};
pub use limits::Limits;
pub use module::{Condition, Module, Problem, Turned};
pub use runtime::Runtime;
pub use totals::Totals;
