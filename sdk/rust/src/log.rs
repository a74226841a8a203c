//! Words for the operator.

use crate::bindings::cellhost::log::log::{self, Level};

/// Writes a line for whoever debugs the module.
pub fn debug(message: &str) {
    log::write(Level::Debug, message);
}

/// Writes a line for the record of the run.
pub fn info(message: &str) {
    log::write(Level::Info, message);
}

/// Writes a line that the operator should see; it is repeated in the summary.
pub fn warn(message: &str) {
    log::write(Level::Warn, message);
}

/// Says what this turn is doing, such as `waiting for 2 of 3 members`.
pub fn doing(what: &str) {
    log::doing(what);
}
