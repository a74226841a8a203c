//! Writes cellhost modules in Rust.
//!
//! A module is a type that implements [`Module`] and is handed to [`export!`]. The host calls
//! its hooks; a hook asks for what it wants through [`Cell`] (the plan's side), [`Machine`]
//! (desired state, files, facts, ports) and [`Command`] (running programs). The crate does no
//! input or output of its own and keeps nothing between two calls, and neither can a module.
//!
//! It compiles for the computer at hand as well, so that a module's own logic is tested by a
//! plain `cargo test`; only calls to the host end there with a panic.
//!
//! ```
//! use cellhost_sdk::prelude::*;
//!
//! /// Where the notice goes and what it says.
//! #[derive(Deserialize, JsonSchema)]
//! struct Settings {
//!     /// The text.
//!     notice: String,
//!     /// The password that the daemon asks for.
//!     password: Secret,
//! }
//!
//! struct Notice;
//!
//! impl Module for Notice {
//!     type Settings = Settings;
//!
//!     fn validate(cell: &Cell<Settings>) -> Vec<Problem> {
//!         let mut problems = Vec::new();
//!         if cell.settings().notice.is_empty() {
//!             problems.push(Problem::with("/notice", "is empty; say something"));
//!         }
//!         problems
//!     }
//!
//!     fn apply(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
//!         let settings = cell.settings();
//!         let variables = json!({ "notice": settings.notice, "password": settings.password });
//!         machine.ensure((
//!             Software::named(["noticed"]),
//!             Directory::at("/etc/notice").mode(0o755),
//!             File::at("/etc/notice/noticed.conf")
//!                 .rendered("noticed.conf", &variables)?
//!                 .mode(0o640)
//!                 .owner("noticed"),
//!             Service::named("noticed").enabled().running().restart_for(["/etc/notice/noticed.conf"]),
//!         ))?;
//!         Ok(())
//!     }
//!
//!     fn health(cell: &Cell<Settings>, machine: &Machine) -> Result<Condition, Failure> {
//!         let answer = Command::new(["noticectl", "ping"])
//!             .environment_secret("NOTICE_PASSWORD", &cell.settings().password)
//!             .deadline_seconds(5)
//!             .probe(machine)?;
//!         Ok(if answer.text() == "pong" {
//!             Condition::Healthy
//!         } else {
//!             Condition::Down(format!("noticed says `{}`", answer.text()))
//!         })
//!     }
//!
//!     fn remove(_: &Cell<Settings>, machine: &Machine, purge: bool) -> Result<(), Failure> {
//!         machine.ensure(Service::named("noticed").disabled().stopped())?;
//!         if purge {
//!             machine.ensure(Absent::at("/etc/notice"))?;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! cellhost_sdk::export!(Notice);
//! ```

#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated from the contract"
)]
#[doc(hidden)]
pub mod bindings;

mod answer;
mod cell;
mod changes;
mod check;
mod command;
mod condition;
mod doubt;
mod exchange;
mod exported;
mod failure;
pub mod log;
mod machine;
mod module;
pub mod prelude;
mod problem;
mod resources;
mod secret;
mod sign;
mod template;

pub use answer::Answer;
pub use bindings::cellhost::files::files::{Kind, Status};
pub use bindings::cellhost::machine::types::Machine;
pub use bindings::exports::cellhost::module::lifecycle::{Condition, Problem};
pub use cell::Cell;
pub use changes::Changes;
pub use check::{Check, probe_all};
pub use command::{Command, Ran};
pub use doubt::Doubt;
pub use exchange::{Exchange, Heard};
#[doc(hidden)]
pub use exported::Exported;
pub use failure::Failure;
pub use module::Module;
pub use resources::{
    Absent, Archive, Container, Creation, CronJob, Directory, Download, File, FilePlace, Group,
    IniKey, KernelModule, Line, Link, Mount, NoContainer, NoCronJob, NoGroup, NoIniKey,
    NoKernelModule, NoLine, NoMount, NoSoftware, NoSysctl, NoUnitFile, NoUser, Resource, Service,
    Software, Sysctl, UnitFile, User, Wishes,
};
pub use secret::Secret;
pub use sign::Sign;
pub use template::render;

#[doc(no_inline)]
pub use schemars;
#[doc(no_inline)]
pub use serde;
#[doc(no_inline)]
pub use serde_json;
