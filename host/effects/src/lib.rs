//! The one choke point that every effect on a machine passes.
//!
//! A module asks for an [`Effect`]; something that implements [`Effects`] performs it and returns
//! an [`Outcome`]. Real runs, dry runs, replays and tests are the same engine over different
//! stacks of [`layers`]: `journal` writes the [`record`], `policy` allows or denies, `secrets` puts values in
//! on the way down and takes them out on the way up, `preview` holds changes back, `live` sends.
//!
//! No other crate reaches a courier. If a feature seems to need "if this is a dry run" anywhere
//! else, it belongs into a layer here.

pub mod layers;
pub mod record;

mod agreement;
mod consent;
mod diff;
mod edit;
mod effect;
mod error;
mod failure;
mod item;
mod judgement;
mod listener;
mod outcome;
mod rights;
mod template;
mod vault;

#[cfg(test)]
mod testing;

pub use agreement::{AgreedChange, AgreedCommand, AgreedEffect, AgreedWish, Agreement, Word};
pub use consent::{Consent, Overseer, Prospect, Replaced};
pub use edit::{Change, Edit, Key, Line, MountLine, NoKey, NoLine, Pattern, Place};
pub use effect::{
    Act, Command, Dial, Doubt, Effect, Effects, Ending, Hook, Input, Sign, Text, Turn,
};
pub use error::EffectError;
pub use failure::{Failure, Missed, Stopped};
pub use item::{Container, Content, File, Item, Service};
pub use layers::masked;
pub use listener::Listener;
pub use outcome::{Certainty, Found, Outcome, Settlement};
pub use rights::Rights;
pub use template::{TemplateError, Templates};
pub use vault::{Ask, Refusal, Vault, VaultError};

pub use cellhost_transport::{Answer, Cause, FileKind, FileStatus, Stream, Trouble};
