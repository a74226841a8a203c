//! The kinds of things that desired state can be about, one file each.
//!
//! A [`Wish`] says how a thing should be; its [`Identity`] names the thing; [`Facts`] say how it
//! is; [`Wish::compare`] tells the [`Difference`]. Each kind knows how to look (shell text and
//! its parser) and how to settle (shell text), so that adding a kind is adding a file here and
//! a case in these enums.

pub mod archive;
pub mod cause;
pub mod container;
pub mod creation;
pub mod cron;
mod dependence;
pub mod directory;
pub mod download;
pub mod file;
pub mod group;
pub mod kernel_module;
pub mod link;
pub(crate) mod memory;
pub mod mount;
pub mod path;
pub(crate) mod placing;
pub mod service;
pub mod software;
pub mod sysctl;
mod task;
pub mod unit;
pub mod user;

use std::collections::BTreeSet;

pub use task::{Sequence, Task};

/// How a thing should be.
#[derive(Debug, Clone)]
pub enum Wish {
    /// A regular file.
    File(file::File),
    /// A file that the machine fetches.
    Download(download::Download),
    /// An archive, unpacked.
    Archive(archive::Archive),
    /// A directory.
    Directory(directory::Directory),
    /// A symbolic link.
    Link(link::Link),
    /// Nothing at a path.
    Absent(path::Absent),
    /// What a program makes.
    Creation(creation::Creation),
    /// Packages installed.
    Software(software::Software),
    /// Packages removed.
    NoSoftware(software::NoSoftware),
    /// A key of the kernel, as it is now.
    Sysctl(sysctl::Sysctl),
    /// A module of the kernel, as it is now.
    KernelModule(kernel_module::KernelModule),
    /// A file system that is mounted, or nothing that is.
    Mount(mount::Mount),
    /// A container that runs.
    Container(container::Container),
    /// No container by a name.
    NoContainer(container::NoContainer),
    /// A group.
    Group(group::Group),
    /// No group by a name.
    NoGroup(group::NoGroup),
    /// A user.
    User(user::User),
    /// No user by a name.
    NoUser(user::NoUser),
    /// A service.
    Service(service::Service),
}

/// Which thing a wish or a fact is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// Whatever stands at a path. `hash` asks for the content's hash too.
    Path {
        /// Where.
        path: String,
        /// Whether the content's hash is wanted.
        hash: bool,
    },
    /// Whatever stands at a path, and what it holds where that is a regular file.
    Content(String),
    /// What a program makes at a path.
    Creation(String),
    /// A set of packages.
    Software(BTreeSet<String>),
    /// A module of the kernel by name.
    KernelModule(String),
    /// A container by name.
    Container(String),
    /// A group by name.
    Group(String),
    /// A user by name.
    User(String),
    /// A service, and what it owes to the files it watches.
    Service(service::Watch),
}

/// How a thing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Facts {
    /// What stands at a path.
    Path(path::PathFacts),
    /// How far a creation is.
    Creation(creation::CreationFacts),
    /// Installed packages of the asked ones.
    Software(software::SoftwareFacts),
    /// A module of the kernel.
    KernelModule(kernel_module::KernelModuleFacts),
    /// A container.
    Container(container::ContainerFacts),
    /// A group.
    Group(group::GroupFacts),
    /// A user.
    User(user::UserFacts),
    /// A service.
    Service(service::ServiceFacts),
}

/// What stands between a wish and the facts, in a person's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// One line each, such as `mode 0644 -> 0640` or `content differs`.
    pub lines: Vec<String>,
    /// Whether file content is part of it, so that a diff can be shown.
    pub content: bool,
}

impl Wish {
    /// Returns which thing the wish is about.
    pub fn identity(&self) -> Identity {
        let path = |path: &str, hash| Identity::Path {
            path: path.to_owned(),
            hash,
        };
        match self {
            Self::File(file) => path(&file.path, true),
            Self::Download(download) => path(&download.path, true),
            Self::Archive(archive) => path(&archive.marker(), true),
            Self::Directory(directory) => path(&directory.path, false),
            Self::Link(link) => path(&link.path, false),
            Self::Absent(absent) => path(&absent.path, false),
            Self::Creation(creation) => Identity::Creation(creation.path.clone()),
            Self::Software(software) => Identity::Software(software.names.clone()),
            Self::NoSoftware(software) => Identity::Software(software.names.clone()),
            Self::Sysctl(sysctl) => Identity::Content(sysctl.place()),
            Self::KernelModule(module) => Identity::KernelModule(module.name.clone()),
            Self::Mount(_) => Identity::Content(mount::TABLE.to_owned()),
            Self::Container(container) => Identity::Container(container.name.clone()),
            Self::NoContainer(container) => Identity::Container(container.name.clone()),
            Self::Group(group) => Identity::Group(group.name.clone()),
            Self::NoGroup(group) => Identity::Group(group.name.clone()),
            Self::User(user) => Identity::User(user.name.clone()),
            Self::NoUser(user) => Identity::User(user.name.clone()),
            Self::Service(service) => Identity::Service(service.watch.clone()),
        }
    }

    /// The path whose content settling the wish replaces, given the facts, where it does.
    ///
    /// Whatever replaces the content of a path notes that on the machine first, so that services
    /// that watch it restart.
    pub fn replaces(&self, facts: &Facts) -> Option<&str> {
        match self {
            Self::File(wish) => {
                let differs = self.compare(facts).is_some_and(|found| found.content);
                differs.then_some(wish.path.as_str())
            }
            Self::Download(wish) => match facts {
                Facts::Path(facts) if !wish.fetches(facts) => None,
                _ => Some(&wish.path),
            },
            Self::Link(wish) => self.compare(facts).map(|_| wish.path.as_str()),
            Self::Absent(wish) => self.compare(facts).map(|_| wish.path.as_str()),
            _ => None,
        }
    }

    /// Writes how the wish is met, given the facts.
    pub(crate) fn settle(
        &self,
        facts: &Facts,
        settling: &mut crate::shell::Settling,
    ) -> Result<(), crate::shell::Refusal> {
        match self {
            Self::File(wish) => wish.settle(settling),
            Self::Download(wish) => wish.settle(facts, settling),
            Self::Archive(wish) => wish.settle(settling),
            Self::Directory(wish) => wish.settle(settling),
            Self::Link(wish) => wish.settle(settling),
            Self::Absent(wish) => wish.settle(settling),
            Self::Creation(wish) => wish.settle(settling),
            Self::Software(wish) => wish.settle(settling),
            Self::NoSoftware(wish) => wish.settle(settling),
            Self::Sysctl(wish) => wish.settle(settling),
            Self::KernelModule(wish) => wish.settle(settling),
            Self::Mount(wish) => wish.settle(facts, settling),
            Self::Container(wish) => wish.settle(settling),
            Self::NoContainer(wish) => wish.settle(settling),
            Self::Group(wish) => wish.settle(settling),
            Self::NoGroup(wish) => wish.settle(settling),
            Self::User(wish) => wish.settle(settling),
            Self::NoUser(wish) => wish.settle(settling),
            Self::Service(wish) => wish.settle(facts, settling),
        }
    }

    /// Returns what stands between the wish and the facts, if anything.
    ///
    /// Facts of another kind, which no honest courier returns, differ from every wish.
    pub fn compare(&self, facts: &Facts) -> Option<Difference> {
        match (self, facts) {
            (Self::File(wish), Facts::Path(facts)) => wish.compare(facts),
            (Self::Download(wish), Facts::Path(facts)) => wish.compare(facts),
            (Self::Archive(wish), Facts::Path(facts)) => wish.compare(facts),
            (Self::Directory(wish), Facts::Path(facts)) => wish.compare(facts),
            (Self::Link(wish), Facts::Path(facts)) => wish.compare(facts),
            (Self::Absent(wish), Facts::Path(facts)) => wish.compare(facts),
            (Self::Creation(wish), Facts::Creation(facts)) => wish.compare(facts),
            (Self::Software(wish), Facts::Software(facts)) => wish.compare(facts),
            (Self::NoSoftware(wish), Facts::Software(facts)) => wish.compare(facts),
            (Self::Sysctl(wish), Facts::Path(facts)) => wish.compare(facts),
            (Self::KernelModule(wish), Facts::KernelModule(facts)) => wish.compare(*facts),
            (Self::Mount(wish), Facts::Path(facts)) => wish.compare(facts),
            (Self::Container(wish), Facts::Container(facts)) => wish.compare(facts),
            (Self::NoContainer(wish), Facts::Container(facts)) => wish.compare(facts),
            (Self::Group(wish), Facts::Group(facts)) => wish.compare(facts),
            (Self::NoGroup(wish), Facts::Group(facts)) => wish.compare(facts),
            (Self::User(wish), Facts::User(facts)) => wish.compare(facts),
            (Self::NoUser(wish), Facts::User(facts)) => wish.compare(facts),
            (Self::Service(wish), Facts::Service(facts)) => wish.compare(facts),
            _ => Some(Difference {
                lines: vec!["unknown".to_owned()],
                content: false,
            }),
        }
    }

    /// Returns the facts as they will be once the wish is met.
    pub fn met(&self, before: &Facts) -> Facts {
        match (self, before) {
            (Self::File(wish), Facts::Path(before)) => Facts::Path(wish.met(before)),
            (Self::Download(wish), Facts::Path(before)) => Facts::Path(wish.met(before)),
            (Self::Archive(wish), Facts::Path(_)) => Facts::Path(wish.met()),
            (Self::Directory(wish), Facts::Path(before)) => Facts::Path(wish.met(before)),
            (Self::Link(wish), Facts::Path(_)) => Facts::Path(wish.met()),
            (Self::Absent(_), Facts::Path(_)) => Facts::Path(path::PathFacts::nothing()),
            (Self::Creation(wish), Facts::Creation(_)) => Facts::Creation(wish.met()),
            (Self::Software(wish), Facts::Software(before)) => Facts::Software(wish.met(before)),
            (Self::NoSoftware(wish), Facts::Software(before)) => Facts::Software(wish.met(before)),
            (Self::Sysctl(wish), Facts::Path(_)) => Facts::Path(wish.met()),
            (Self::KernelModule(wish), Facts::KernelModule(_)) => Facts::KernelModule(wish.met()),
            (Self::Mount(wish), Facts::Path(before)) => Facts::Path(wish.met(before)),
            (Self::Container(wish), Facts::Container(_)) => Facts::Container(wish.met()),
            (Self::NoContainer(_), Facts::Container(_)) => {
                Facts::Container(container::ContainerFacts::Absent)
            }
            (Self::Group(_), Facts::Group(_)) => Facts::Group(group::GroupFacts { exists: true }),
            (Self::NoGroup(_), Facts::Group(_)) => {
                Facts::Group(group::GroupFacts { exists: false })
            }
            (Self::NoUser(_), Facts::User(_)) => Facts::User(user::UserFacts::default()),
            (Self::User(wish), Facts::User(before)) => Facts::User(wish.met(before)),
            (Self::Service(wish), Facts::Service(before)) => Facts::Service(wish.met(before)),
            (_, before) => before.clone(),
        }
    }
}
