//! What a module can wish for, one kind of thing to a file.

mod absent;
mod archive;
mod creation;
mod cron_job;
mod directory;
mod download;
mod file;
mod group;
mod ini_key;
mod line;
mod link;
mod service;
mod software;
mod unit_file;
mod user;
mod wishes;

pub use absent::Absent;
pub use archive::Archive;
pub use creation::Creation;
pub use cron_job::{CronJob, NoCronJob};
pub use directory::Directory;
pub use download::Download;
pub use file::{File, FilePlace};
pub use group::Group;
pub use ini_key::{IniKey, NoIniKey};
pub use line::{Line, NoLine};
pub use link::Link;
pub use service::Service;
pub use software::{NoSoftware, Software};
pub use unit_file::{NoUnitFile, UnitFile};
pub use user::User;
pub use wishes::{Resource, Wishes};
