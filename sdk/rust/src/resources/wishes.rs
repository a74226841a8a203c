use super::{
    Absent, Archive, Container, Creation, CronJob, Directory, Download, File, Group, IniKey,
    KernelModule, Line, Link, Mount, NoContainer, NoCronJob, NoGroup, NoIniKey, NoKernelModule,
    NoLine, NoMount, NoSoftware, NoSysctl, NoUnitFile, NoUser, Service, Software, Sysctl, UnitFile,
    User,
};
use crate::bindings::cellhost::state::state::Item;

/// One wish of any kind, for lists whose length is only known while the module runs.
#[derive(Clone, Debug)]
pub struct Resource(pub(super) Item);

/// A list of wishes: one resource, a tuple of different ones, an array or a `Vec` of equal
/// ones, or a mix of these.
pub trait Wishes {
    #[doc(hidden)]
    fn add_to(self, items: &mut Vec<Item>);
}

impl Wishes for Resource {
    fn add_to(self, items: &mut Vec<Item>) {
        items.push(self.0);
    }
}

impl<W: Wishes, const N: usize> Wishes for [W; N] {
    fn add_to(self, items: &mut Vec<Item>) {
        for wish in self {
            wish.add_to(items);
        }
    }
}

impl<W: Wishes> Wishes for Vec<W> {
    fn add_to(self, items: &mut Vec<Item>) {
        for wish in self {
            wish.add_to(items);
        }
    }
}

impl<W: Wishes> Wishes for Option<W> {
    fn add_to(self, items: &mut Vec<Item>) {
        if let Some(wish) = self {
            wish.add_to(items);
        }
    }
}

macro_rules! single {
    ($($kind:ty),*) => {
        $(impl Wishes for $kind {
            fn add_to(self, items: &mut Vec<Item>) {
                Resource::from(self).add_to(items);
            }
        })*
    };
}

single!(
    Absent,
    Archive,
    Container,
    Creation,
    CronJob,
    Directory,
    Download,
    File,
    Group,
    IniKey,
    KernelModule,
    Line,
    Link,
    Mount,
    NoContainer,
    NoCronJob,
    NoGroup,
    NoIniKey,
    NoKernelModule,
    NoLine,
    NoMount,
    NoSoftware,
    NoSysctl,
    NoUnitFile,
    NoUser,
    Service,
    Software,
    Sysctl,
    UnitFile,
    User
);

macro_rules! tuples {
    ($first:ident $($rest:ident)*) => {
        impl<$first: Wishes, $($rest: Wishes),*> Wishes for ($first, $($rest,)*) {
            fn add_to(self, items: &mut Vec<Item>) {
                #[allow(non_snake_case, reason = "the type parameters name the places")]
                let ($first, $($rest,)*) = self;
                $first.add_to(items);
                $($rest.add_to(items);)*
            }
        }
        tuples!($($rest)*);
    };
    () => {};
}

tuples!(A B C D E F G H I J K L M N O P);

impl Item {
    /// Returns the path or the name that the wish is about.
    pub(crate) fn subject(&self) -> String {
        match self {
            Self::File(file) => file.path.clone(),
            Self::Directory(directory) => directory.path.clone(),
            Self::Link(link) => link.path.clone(),
            Self::Creation(creation) => creation.path.clone(),
            Self::Download(download) => download.path.clone(),
            Self::Archive(archive) => archive.directory.clone(),
            Self::UnitFile(unit) => unit.name.clone(),
            Self::CronJob(job) => job.name.clone(),
            Self::Sysctl(sysctl) => sysctl.key.clone(),
            Self::KernelModule(module) => module.name.clone(),
            Self::Mount(mount) => mount.path.clone(),
            Self::Container(container) => container.name.clone(),
            Self::Line(line) => line.path.clone(),
            Self::NoLine(line) => line.path.clone(),
            Self::IniKey(key) => key.path.clone(),
            Self::NoIniKey(key) => key.path.clone(),
            Self::Software(software) => software.names.join(" "),
            Self::NoSoftware(names) => names.join(" "),
            Self::NoUnitFile(name)
            | Self::NoContainer(name)
            | Self::NoSysctl(name)
            | Self::NoKernelModule(name)
            | Self::NoMount(name)
            | Self::NoUser(name)
            | Self::NoGroup(name)
            | Self::NoCronJob(name)
            | Self::Absent(name)
            | Self::Group(name) => name.clone(),
            Self::User(user) => user.name.clone(),
            Self::Service(service) => service.name.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subjects(wishes: impl Wishes) -> Vec<String> {
        let mut items = Vec::new();
        wishes.add_to(&mut items);
        items.iter().map(Item::subject).collect()
    }

    #[test]
    fn a_tuple_of_different_wishes_keeps_their_order() {
        let wishes = (
            Directory::at("/etc/x"),
            File::at("/etc/x/y").text("z"),
            Service::named("x").enabled().running(),
        );
        assert_eq!(subjects(wishes), ["/etc/x", "/etc/x/y", "x"]);
    }

    #[test]
    fn lists_and_options_nest() {
        let wishes = (
            [Directory::at("/a"), Directory::at("/b")],
            None::<Group>,
            vec![Resource::from(Absent::at("/c"))],
        );
        assert_eq!(subjects(wishes), ["/a", "/b", "/c"]);
    }
}
