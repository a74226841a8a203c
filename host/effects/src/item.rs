//! Wishes as modules state them, before contents are rendered and secrets filled in.

use cellhost_manifest::digest;
use cellhost_transport::resources::{
    archive::Archive, container, container::NoContainer, creation::Creation, cron::Cron,
    directory::Directory, download::Download, group::Group, group::NoGroup,
    kernel_module::KernelModule, link::Link, mount::Mount, path::Absent, software::NoSoftware,
    software::Software, sysctl::Sysctl, user::NoUser, user::User,
};

use serde::{Serialize, Serializer};
use serde_json::json;

use crate::{Edit, Text};

/// One wish of a list.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Item {
    /// A regular file.
    File(File),
    /// A directory.
    Directory(Directory),
    /// A symbolic link.
    Link(Link),
    /// Nothing at a path.
    Absent(Absent),
    /// A file that the machine fetches.
    Download(Download),
    /// An archive unpacked beside other versions, with a link to the one in use.
    Archive(Archive),
    /// A job of cron.
    Cron(Cron),
    /// No job of cron by this name.
    NoCron(String),
    /// A change to a text file that others own too.
    Edit(Edit),
    /// What a program makes.
    Creation(Creation),
    /// Packages installed.
    Software(Software),
    /// Packages removed.
    NoSoftware(NoSoftware),
    /// A key of the kernel.
    Sysctl(Sysctl),
    /// Nothing that sets a key of the kernel when the machine starts.
    NoSysctl(String),
    /// A module of the kernel, loaded or not.
    KernelModule(KernelModule),
    /// A file system that is mounted, or nothing that is.
    Mount(Mount),
    /// A container that runs.
    Container(Container),
    /// No container by a name.
    NoContainer(NoContainer),
    /// No group by a name.
    NoGroup(NoGroup),
    /// No user by a name.
    NoUser(NoUser),
    /// A group.
    Group(Group),
    /// A user.
    User(User),
    /// A service.
    Service(Service),
}

/// A regular file.
#[derive(Debug, Clone, Serialize)]
pub struct File {
    /// Where.
    pub path: String,
    /// What it holds.
    pub content: Content,
    /// Permission bits.
    pub mode: Option<u32>,
    /// Owner.
    pub owner: Option<String>,
    /// Group.
    pub group: Option<String>,
    /// Whether what it replaces is kept beside it.
    pub backup: bool,
}

/// What a file holds.
#[derive(Clone)]
pub enum Content {
    /// These bytes.
    Bytes {
        /// The bytes.
        bytes: Vec<u8>,
        /// The same text as it may be shown, line for line, where secrets were filled in.
        shown: Option<String>,
    },
    /// A template to render.
    Rendered {
        /// Its name.
        template: String,
        /// A JSON object.
        variables: serde_json::Value,
    },
}

impl std::fmt::Debug for Content {
    // Below the secrets layer, content may hold secrets.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bytes { bytes, .. } => write!(formatter, "{} bytes", bytes.len()),
            Self::Rendered { template, .. } => write!(formatter, "template {template}"),
        }
    }
}

impl Serialize for Content {
    // A record has hashes in the place of content: it may be long, and hold anything.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bytes { bytes, .. } => json!({ "sha256": digest(bytes) }),
            Self::Rendered {
                template,
                variables,
            } => json!({ "template": template, "variables": variables }),
        }
        .serialize(serializer)
    }
}

/// A container that runs.
#[derive(Debug, Clone, Serialize)]
pub struct Container {
    /// All but its variables.
    #[serde(flatten)]
    pub base: container::Container,
    /// Variables set in it.
    pub environment: Vec<(String, Text)>,
}

/// A service.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Whether it starts when the machine does.
    pub enabled: bool,
    /// Whether it runs now.
    pub running: bool,
    /// Files whose change restarts it.
    pub restart_for: Vec<String>,
    /// Files whose change reloads it.
    pub reload_for: Vec<String>,
}

impl Item {
    /// What the wish is about, in a person's words.
    pub fn subject(&self) -> String {
        let names = |names: &std::collections::BTreeSet<String>| {
            names
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(" ")
        };
        match self {
            Self::File(file) => format!("file {}", file.path),
            Self::Directory(directory) => format!("directory {}", directory.path),
            Self::Link(link) => format!("link {}", link.path),
            Self::Absent(absent) => format!("absent {}", absent.path),
            Self::Download(download) => format!("download {}", download.path),
            Self::Archive(archive) => format!("archive {}", archive.place()),
            Self::Cron(cron) => format!("cron job {}", cron.name),
            Self::NoCron(name) => format!("no cron job {name}"),
            Self::Edit(edit) => edit.subject(),
            Self::Creation(creation) => format!("creation {}", creation.path),
            Self::Software(software) => format!("software {}", names(&software.names)),
            Self::NoSoftware(software) => format!("no software {}", names(&software.names)),
            Self::Sysctl(sysctl) => format!("kernel key {}", sysctl.key),
            Self::NoSysctl(key) => format!("no kernel key {key}"),
            Self::KernelModule(module) if module.loaded => format!("kernel module {}", module.name),
            Self::KernelModule(module) => format!("no kernel module {}", module.name),
            Self::Mount(mount) if mount.mounted => format!("mount {}", mount.path),
            Self::Mount(mount) => format!("no mount {}", mount.path),
            Self::Container(container) => format!("container {}", container.base.name),
            Self::NoContainer(container) => format!("no container {}", container.name),
            Self::NoGroup(group) => format!("no group {}", group.name),
            Self::NoUser(user) => format!("no user {}", user.name),
            Self::Group(group) => format!("group {}", group.name),
            Self::User(user) => format!("user {}", user.name),
            Self::Service(service) => format!("service {}", service.name),
        }
    }

    /// The path the wish is about, where it is about one.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::File(file) => Some(&file.path),
            Self::Directory(directory) => Some(&directory.path),
            Self::Link(link) => Some(&link.path),
            Self::Absent(absent) => Some(&absent.path),
            Self::Creation(creation) => Some(&creation.path),
            Self::Edit(edit) => Some(&edit.path),
            Self::Download(download) => Some(&download.path),
            Self::Archive(archive) => Some(&archive.directory),
            _ => None,
        }
    }
}
