//! Which functions a script needs; each is sent at most once in a conversation.

use std::collections::BTreeSet;

use crate::resources::service::Keeper;
use crate::resources::software::Packager;

/// Functions of the shell that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// Frames and failures. Sent first.
    Core,
    /// What the machine is. Sent first.
    Hello,
    /// Content, outside and entries.
    Ask,
    /// Programs.
    Job,
    /// Ports.
    Dial,
    /// Which run may change the machine.
    Lease,
    /// How paths stand.
    Path,
    /// What files hold.
    Content,
    /// What outlives a run. Needs [`Self::File`] to write.
    Memory,
    /// Files, and how anything is put in its place.
    File,
    /// Files that the machine fetches.
    Download,
    /// Archives.
    Archive,
    /// Directories.
    Directory,
    /// Links.
    Link,
    /// Nothing at a path.
    Absent,
    /// What programs make.
    Creation,
    /// Keys of the kernel.
    Sysctl,
    /// Modules of the kernel.
    KernelModule,
    /// Mounts.
    Mount,
    /// Containers.
    Container,
    /// Packages.
    Software,
    /// Packages by one manager.
    Packages(Packager),
    /// Groups.
    Group,
    /// Users.
    User,
    /// Services.
    Service,
    /// Services by what keeps them.
    Services(Keeper),
}

impl Part {
    /// All it takes for packages: which manager a machine has, only the machine knows.
    pub(crate) const SOFTWARE: [Self; 5] = [
        Self::Software,
        Self::Packages(Packager::Apt),
        Self::Packages(Packager::Apk),
        Self::Packages(Packager::Dnf),
        Self::Packages(Packager::Pacman),
    ];

    /// All it takes for services: what keeps them, only the machine knows.
    pub(crate) const SERVICES: [Self; 3] = [
        Self::Service,
        Self::Services(Keeper::Systemd),
        Self::Services(Keeper::Openrc),
    ];

    /// All it takes for programs of supervisord.
    pub(crate) const SUPERVISED: [Self; 2] = [Self::Service, Self::Services(Keeper::Supervisor)];

    fn source(self) -> &'static str {
        match self {
            Self::Core => include_str!("core.sh"),
            Self::Hello => include_str!("hello.sh"),
            Self::Ask => include_str!("ask.sh"),
            Self::Job => include_str!("job.sh"),
            Self::Dial => include_str!("dial.sh"),
            Self::Lease => include_str!("lease.sh"),
            Self::Path => include_str!("../resources/path.sh"),
            Self::Content => include_str!("../resources/path/content.sh"),
            Self::Memory => include_str!("../resources/memory.sh"),
            Self::File => include_str!("../resources/file.sh"),
            Self::Download => include_str!("../resources/download.sh"),
            Self::Archive => include_str!("../resources/archive.sh"),
            Self::Directory => include_str!("../resources/directory.sh"),
            Self::Link => include_str!("../resources/link.sh"),
            Self::Absent => include_str!("../resources/absent.sh"),
            Self::Creation => include_str!("../resources/creation.sh"),
            Self::Sysctl => include_str!("../resources/sysctl.sh"),
            Self::KernelModule => include_str!("../resources/kernel_module.sh"),
            Self::Mount => include_str!("../resources/mount.sh"),
            Self::Container => include_str!("../resources/container.sh"),
            Self::Software => include_str!("../resources/software.sh"),
            Self::Packages(packager) => packager.source(),
            Self::Group => include_str!("../resources/group.sh"),
            Self::User => include_str!("../resources/user.sh"),
            Self::Service => include_str!("../resources/service.sh"),
            Self::Services(keeper) => keeper.source(),
        }
    }

    /// Writes the functions that were not sent before, and remembers that they were.
    pub(crate) fn send(wanted: &BTreeSet<Self>, sent: &mut BTreeSet<Self>, text: &mut Vec<u8>) {
        for part in wanted {
            if sent.insert(*part) {
                for line in part.source().lines().filter(|line| !line.starts_with("# ")) {
                    text.extend_from_slice(line.as_bytes());
                    text.push(b'\n');
                }
            }
        }
    }
}
