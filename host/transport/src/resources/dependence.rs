//! Which wish needs which: what is not tried once an earlier one has failed.

use super::archive::Source;
use super::{Wish, path};

/// Where package managers keep their own settings.
const PACKAGING: [&str; 9] = [
    "/etc/apt",
    "/etc/apk",
    "/etc/yum.repos.d",
    "/etc/yum.conf",
    "/etc/dnf",
    "/etc/pacman.conf",
    "/etc/pacman.d",
    "/etc/pki",
    "/usr/share/keyrings",
];

impl Wish {
    /// Whether this wish is not to be tried where an earlier one of its list did not come about.
    ///
    /// Where that is not sure, it needs it. What is independent: paths apart from each other, and
    /// services that name the files they watch, as long as those are not among what failed.
    pub fn needs(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            // Nobody knows what these bring, or take along.
            (_, Self::Software(_) | Self::NoSoftware(_) | Self::Creation(_))
            // What takes away comes after all that may still need it, or replaces it.
            | (
                Self::Absent(_)
                | Self::NoSoftware(_)
                | Self::NoUser(_)
                | Self::NoGroup(_)
                | Self::NoContainer(_)
                | Self::Creation(_)
                // What it is, sees and needs is too much to tell.
                | Self::Container(_),
                _,
            )
            // It may run as that user, or write to what should have been mounted.
            | (
                Self::Service(_),
                Self::User(_)
                | Self::Group(_)
                | Self::Mount(_)
                | Self::Sysctl(_)
                | Self::KernelModule(_),
            ) => true,
            (Self::Software(wish), earlier) => earlier
                .path()
                .is_some_and(|path| wish.start || PACKAGING.iter().any(|at| related(path, at))),
            (Self::User(user), Self::Group(group)) => {
                user.group == group.name || user.groups.contains(&group.name)
            }
            (Self::User(user), Self::User(earlier)) => {
                user.name == earlier.name || user.group == earlier.group
            }
            (Self::Group(group), Self::User(user)) => user.group == group.name,
            (Self::Group(group), Self::Group(earlier)) => group.name == earlier.name,
            // Who stops a service first wants it stopped by the time.
            (Self::Service(service), Self::Service(earlier)) => {
                service.watch.name == earlier.watch.name
            }
            (_, Self::Service(service)) => !service.running,
            (Self::Service(service), earlier) => earlier.path().is_some_and(|path| {
                let mut watched = service.watch.paths().peekable();
                watched.peek().is_none()
                    || watched.any(|watched| related(watched, path))
                    || names(path, &service.watch.name)
            }),
            (_, Self::User(user)) => {
                self.owners().contains(&user.name.as_str())
                    || self.owners().contains(&user.group.as_str())
            }
            (_, Self::Group(group)) => self.owners().contains(&group.name.as_str()),
            (Self::User(_) | Self::Group(_), _) => false,
            (_, earlier) => {
                match (self.path(), earlier.path()) {
                    (Some(own), Some(path)) => {
                        related(own, path) || self.source().is_some_and(|source| related(&source, path))
                    }
                    _ => true,
                }
            }
        }
    }

    /// The path it is about, where it is about one.
    fn path(&self) -> Option<&str> {
        match self {
            Self::File(wish) => Some(&wish.path),
            Self::Directory(wish) => Some(&wish.path),
            Self::Link(wish) => Some(&wish.path),
            Self::Download(wish) => Some(&wish.path),
            Self::Archive(wish) => Some(&wish.directory),
            Self::Absent(path::Absent { path }) => Some(path),
            Self::Mount(mount) => Some(&mount.path),
            Self::Creation(wish) => Some(&wish.path),
            _ => None,
        }
    }

    /// Where a link leads, from the root, and what an archive is unpacked from.
    fn source(&self) -> Option<String> {
        let link = match self {
            Self::Link(link) => link,
            Self::Archive(archive) => {
                return match &archive.source {
                    Source::Path(path) => Some(path.clone()),
                    Source::Url(_) => None,
                };
            }
            _ => return None,
        };
        let from = match link.path.rsplit_once('/') {
            Some((parent, _)) if !link.target.starts_with('/') => parent,
            _ => "",
        };
        let mut names: Vec<&str> = Vec::new();
        for name in from.split('/').chain(link.target.split('/')) {
            match name {
                "" | "." => {}
                ".." => drop(names.pop()),
                name => names.push(name),
            }
        }
        Some(format!("/{}", names.join("/")))
    }

    /// Users and groups that it gives something to.
    fn owners(&self) -> Vec<&str> {
        let (owner, group) = match self {
            Self::File(wish) => (&wish.owner, &wish.group),
            Self::Directory(wish) => (&wish.owner, &wish.group),
            Self::Download(wish) => (&wish.owner, &wish.group),
            Self::Archive(wish) => (&wish.owner, &wish.group),
            _ => return Vec::new(),
        };
        owner.iter().chain(group).map(String::as_str).collect()
    }
}

/// Whether two paths are the same, or one leads through the other.
fn related(one: &str, other: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        let outer = outer.trim_end_matches('/');
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    within(one, other) || within(other, one)
}

/// Whether a path looks as if it belonged to a service: its unit, a part of that, its defaults.
fn names(path: &str, service: &str) -> bool {
    let base = service.split(['@', '.']).next().unwrap_or(service);
    path.contains(base)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{directory, file, link, service, software, user};
    use super::*;

    fn file(path: &str) -> Wish {
        owned(path, None)
    }

    fn owned(path: &str, owner: Option<&str>) -> Wish {
        Wish::File(file::File {
            path: path.to_owned(),
            content: Vec::new(),
            hash: String::new(),
            mode: None,
            owner: owner.map(str::to_owned),
            group: None,
            before: None,
            backup: false,
        })
    }

    fn directory(path: &str) -> Wish {
        Wish::Directory(directory::Directory {
            path: path.to_owned(),
            mode: None,
            owner: None,
            group: None,
        })
    }

    fn link(path: &str, target: &str) -> Wish {
        let (path, target) = (path.to_owned(), target.to_owned());
        Wish::Link(link::Link { path, target })
    }

    fn absent(path: &str) -> Wish {
        let path = path.to_owned();
        Wish::Absent(path::Absent { path })
    }

    fn user(name: &str) -> Wish {
        Wish::User(user::User {
            name: name.to_owned(),
            group: name.to_owned(),
            home: "/".to_owned(),
            shell: "/bin/sh".to_owned(),
            groups: BTreeSet::new(),
        })
    }

    fn service(name: &str, running: bool, watched: &[&str]) -> Wish {
        Wish::Service(service::Service {
            watch: service::Watch {
                restart_for: watched.iter().map(|path| (*path).to_owned()).collect(),
                ..service::Watch::none(name)
            },
            enabled: running,
            running,
        })
    }

    #[test]
    fn paths_apart_go_their_own_ways() {
        assert!(file("/etc/x/y").needs(&directory("/etc/x")));
        assert!(file("/etc/x").needs(&file("/etc/x")));
        assert!(!file("/etc/xy").needs(&file("/etc/x")));
        assert!(!directory("/srv/b").needs(&directory("/srv/a")));
        assert!(owned("/a", Some("app")).needs(&user("app")));
        assert!(!owned("/a", Some("app")).needs(&user("other")));
    }

    #[test]
    fn a_link_needs_what_it_leads_to() {
        assert!(link("/opt/x/now", "x-2").needs(&directory("/opt/x/x-2")));
        assert!(link("/opt/now", "../srv/x").needs(&file("/srv/x/bin")));
        assert!(!link("/opt/now", "x-2").needs(&file("/opt/x-1")));
    }

    #[test]
    fn a_service_needs_the_files_it_watches_and_its_unit() {
        let a = service("a", true, &["/etc/a.conf"]);
        assert!(a.needs(&file("/etc/a.conf")));
        assert!(a.needs(&directory("/etc")));
        assert!(a.needs(&file("/etc/systemd/system/a.service")));
        assert!(a.needs(&user("whoever")));
        assert!(!a.needs(&file("/srv/z")));
        assert!(!a.needs(&service("z", true, &[])));
        assert!(
            service("q", true, &[]).needs(&file("/srv/z")),
            "it may read any file"
        );
        assert!(service("x@1", true, &["/y"]).needs(&file("/etc/systemd/system/x@.service")));
    }

    #[test]
    fn nothing_is_written_to_where_something_should_have_been_mounted() {
        let mount = Wish::Mount(super::super::mount::Mount {
            path: "/srv/data".to_owned(),
            source: "/dev/vdb1".to_owned(),
            kind: "ext4".to_owned(),
            options: Vec::new(),
            mounted: true,
        });
        assert!(file("/srv/data/x").needs(&mount));
        assert!(!file("/srv/other").needs(&mount));
        assert!(service("a", true, &["/etc/a.conf"]).needs(&mount));
    }

    #[test]
    fn nothing_is_taken_away_after_a_failure() {
        assert!(absent("/srv/old").needs(&file("/etc/new")));
        assert!(absent("/srv/old").needs(&service("a", false, &[])));
        assert!(
            file("/srv/x").needs(&service("a", false, &[])),
            "it was to stop first"
        );
        assert!(!file("/srv/x").needs(&service("a", true, &[])));
    }

    #[test]
    fn everything_needs_packages_and_packages_need_their_sources() {
        let software = |start| {
            let names = ["p".to_owned()].into();
            Wish::Software(software::Software {
                names,
                versions: std::collections::BTreeMap::new(),
                start,
            })
        };
        assert!(file("/a").needs(&software(false)));
        assert!(user("u").needs(&software(false)));
        assert!(software(false).needs(&file("/etc/apt/sources.list.d/x.list")));
        assert!(!software(false).needs(&file("/etc/x")));
        assert!(
            software(true).needs(&file("/etc/x")),
            "it would start without it"
        );
    }
}
