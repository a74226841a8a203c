//! Reads TOML with a place for every value, collecting every problem instead of stopping at one.
//!
//! A text becomes a tree of [`Node`]s; a [`Table`] hands out its [`Value`]s by key and reports the
//! keys nobody asked for; every complaint goes to one [`Report`]. A JSON value can be read by the
//! same code, without places.

mod node;
mod report;
mod table;
mod text;
mod value;

pub use node::{Entry, Kind, Node};
pub use report::Report;
pub use table::Table;
pub use text::Text;
pub use value::Value;

fn join(parents: &str, key: &str) -> String {
    if parents.is_empty() {
        key.to_owned()
    } else {
        format!("{parents}.{key}")
    }
}
