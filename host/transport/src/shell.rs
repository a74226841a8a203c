//! Couriers that speak to a POSIX shell, wherever its input and output lead.
//!
//! The shell reads pieces of script from its input and answers on its output and errors, each
//! answer framed by a nonce that only that request knows ([`stream`]). A [`Line`] opens the
//! pipes, a [`conversation`] carries one script at a time over them, and [`ShellCourier`] turns
//! requests into scripts and answers into replies.

mod answer;
mod ask;
mod conversation;
mod courier;
mod dial;
mod hearsay;
mod hello;
#[cfg(test)]
mod hostile;
mod job;
mod lease;
mod leavings;
mod line;
mod look;
mod part;
mod quote;
mod script;
mod settle;
mod stream;
mod within;
mod words;

pub(crate) use answer::{Misread, Sections};
pub(crate) use ask::operand;
pub use courier::MEMORY;
pub use courier::script_length;
pub(crate) use courier::{Memory, ShellCourier};
pub use hearsay::hearsay;
pub(crate) use line::{Failure, Line, Pipes};
pub(crate) use part::Part;
pub(crate) use quote::quote;
pub(crate) use script::{Refusal, Script, name, number};
pub(crate) use settle::Settling;
pub(crate) use words::tail;
