//! Reads `plan.toml`: the machines, the modules on them, their settings.
//!
//! [`Plan::parse`] turns a text into a [`Plan`] in which every name means something, or into
//! [`Diagnostics`]: everything that is wrong at once, each with its place and the way to fix it.
//! [`ModuleUse`] remembers where each of its settings stands, so that what a module's schema says
//! later still points into the plan. [`document`] is the reader underneath; other TOML files of
//! this project are read with it too.
//!
//! Nothing here touches a machine, a registry, the environment or a secret's value; the only
//! function that opens a file is [`Plan::load`].

mod address;
mod asks;
mod attributes;
mod barrier;
mod choice;
mod cycle;
mod definition;
mod denial;
mod diagnostic;
mod diagnostics;
pub mod document;
mod duration;
mod entry;
mod exact;
mod grants;
mod group;
mod host_key;
mod hours;
mod inventory;
mod location;
mod machine;
mod module;
mod name;
mod order;
mod phase;
mod phases;
mod plan;
mod problem;
mod range;
mod registry;
mod render;
mod rolling;
mod rules;
mod run_rule;
mod secret;
mod selection;
mod selector;
mod servers;
mod settings;
mod share;
mod source;
mod ssh;
mod state;
mod suggestion;
mod trust;
mod version;
mod words;

pub use address::{check_address, check_user};
pub use asks::{
    Ask, Asks, CommandPattern, Glob, ImagePattern, PathPrefix, PortRange, UrlPattern, WrongPart,
};
pub use barrier::{Barrier, Ensemble};
pub use cycle::cycles;
pub use denial::Denial;
pub use diagnostic::{Diagnostic, Related, Severity};
pub use diagnostics::Diagnostics;
pub use duration::{parse_duration, spoken};
pub use exact::{Exact, is_digest};
pub use grants::Grants;
pub use host_key::HostKey;
pub use hours::Hours;
pub use location::at_home;
pub use machine::Machine;
pub use module::{DEFAULT_NAMESPACE, ModuleId, ModuleUse, Replacement};
pub use name::{
    CellName, InstanceName, MachineName, PhaseName, SecretName, check_label, check_word,
};
pub use phase::Phase;
pub use phases::Phases;
pub use plan::{LoadError, Plan};
pub use problem::{Problem, is_showable};
pub use range::{LARGEST_RANGE, expand, is_range};
pub use registry::{ModulePlace, Registries};
pub use rolling::{Rolling, RollingChoice, RollingKeys};
pub use rules::Rules;
pub use run_rule::{RunRule, Unreachable};
pub use secret::SecretSource;
pub use selector::{Condition, Selector, Term};
pub use servers::{Server, Servers};
pub use share::Share;
pub use source::{Position, Source, Span};
pub use ssh::{Become, BecomeMethod, HostKeys, Ssh};
pub use state::{State, StoreKind};
pub use suggestion::{did_you_mean, nearest};
pub use trust::{KeyFile, Need, Trust};
pub use words::line;
