//! Reads `module.toml` and what travels inside a module's `.wasm`.
//!
//! A [`Manifest`] says what a module is called, when it runs and, in its [`Asks`], what it wants to
//! do on machines. [`embed`] puts it with the settings' schema and the templates, as [`Embedded`],
//! into one custom section of the component; [`extract`] reads that section from bytes nobody
//! vouches for. Both ways in end in the same checks, [`Manifest::read`].
//!
//! Nothing here compiles or runs a component, and nothing here decides: [`Asks`] only tells whether
//! something was asked for. The only function that opens a file is [`Manifest::load`].

mod bundle;
mod canonical;
mod compatibility;
mod digest;
mod embedded;
mod error;
mod interfaces;
mod listening;
mod manifest;
mod output;
mod requirement;
mod section;
mod template;

pub use bundle::Bundle;
pub use canonical::canonical;
pub use cellhost_plan::{
    Ask, Asks, CommandPattern, Glob, ImagePattern, PathPrefix, PortRange, UrlPattern, WrongPart,
};
pub use compatibility::refused_since;
pub use digest::{digest, hexadecimal};
pub use embedded::{Embedded, FORMAT};
pub use error::ExtractError;
pub use interfaces::Interfaces;
pub use listening::ListeningPort;
pub use manifest::Manifest;
pub use output::OutputKind;
pub use requirement::Requirement;
pub use section::{LARGEST_SECTION, SECTION, embed, extract};
pub use template::{LARGEST_TEMPLATE, MOST_TEMPLATES, check_template_name};
