//! `cellhost.lock`: what earlier runs decided and later ones keep to.
//!
//! A [`Document`] is the whole file: for each cell its [`Roster`], which says which machine has which
//! number in which module, and the pins of the modules that come from registries. Where a cell has a
//! store, its roster stands there too, as the same text.
//!
//! Both are read from texts that anybody may have written, so what is to become an argument of ssh or
//! the name of a file is checked here. Nothing in this room opens a file.

mod document;
mod roster;

pub use document::Document;
pub use roster::{Membership, Roster, Seat};
