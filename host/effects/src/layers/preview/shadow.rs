//! What held-back changes leave uncertain about a machine.

use std::collections::BTreeSet;

use cellhost_transport::resources::Wish;

use crate::Certainty;

/// Where packages put nothing: what stands there is the machine's own business, by the Filesystem
/// Hierarchy Standard and by the policies of distributions.
const OWN: [&str; 4] = ["/usr/local", "/srv", "/home", "/root"];

/// Where running services leave things.
const RUNNING: [&str; 3] = ["/run", "/tmp", "/var"];

/// What only the machine itself could tell once the changes that were held back are made there.
#[derive(Default)]
pub(super) struct Shadow {
    depths: BTreeSet<Depth>,
    /// Services that would have been started, restarted or stopped, and others along with them.
    services: BTreeSet<String>,
    /// Paths where, and below which, something would stand that nobody has seen.
    unseen: BTreeSet<String>,
}

/// What was held back that does more than can be foreseen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Depth {
    /// A program would have run, which may do anything.
    Program,
    /// Packages would have come or gone.
    Packages,
    /// A container would have been started or removed.
    Container,
    /// The kernel would have got or lost a module, and keys with it.
    Kernel,
}

impl Shadow {
    /// Takes up what a change leaves uncertain.
    pub(super) fn fall(&mut self, wish: &Wish) {
        match wish {
            Wish::Creation(_) => self.deepen(Depth::Program),
            Wish::Software(_) | Wish::NoSoftware(_) => self.deepen(Depth::Packages),
            Wish::Service(service) => {
                self.services.insert(service.watch.name.clone());
            }
            Wish::Container(_) | Wish::NoContainer(_) => self.deepen(Depth::Container),
            Wish::KernelModule(_) => self.deepen(Depth::Kernel),
            Wish::Mount(mount) => self.hide(&mount.path),
            Wish::Link(link) => self.hide_below(&link.path),
            Wish::Archive(archive) => self.hide_below(&archive.place()),
            _ => {}
        }
    }

    /// A program would have run.
    pub(super) fn fall_of_program(&mut self) {
        self.deepen(Depth::Program);
    }

    fn deepen(&mut self, depth: Depth) {
        self.depths.insert(depth);
    }

    fn has(&self, depth: Depth) -> bool {
        self.depths.contains(&depth)
    }

    /// Something would stand at a path that nobody has seen.
    pub(super) fn hide(&mut self, path: &str) {
        self.unseen.insert(path.trim_end_matches('/').to_owned());
    }

    /// Something would stand below a path that nobody has seen.
    fn hide_below(&mut self, path: &str) {
        self.unseen
            .insert(format!("{}/", path.trim_end_matches('/')));
    }

    /// How sure it is what becomes of a wish.
    pub(super) fn over(&self, wish: &Wish) -> Certainty {
        if self.has(Depth::Program) {
            return Certainty::Assumed;
        }
        let sure = match wish {
            Wish::File(wish) => {
                self.leaves(&wish.path) && self.leaves_owners([&wish.owner, &wish.group])
            }
            Wish::Download(wish) => {
                self.leaves(&wish.path) && self.leaves_owners([&wish.owner, &wish.group])
            }
            Wish::Directory(wish) => {
                self.leaves_directory(&wish.path) && self.leaves_owners([&wish.owner, &wish.group])
            }
            Wish::Link(wish) => self.leaves(&wish.path),
            Wish::Absent(wish) => self.leaves(&wish.path),
            Wish::Archive(wish) => {
                self.leaves_directory(&wish.directory)
                    && self.leaves_owners([&wish.owner, &wish.group])
            }
            Wish::Creation(wish) => self.leaves(&wish.path),
            Wish::Sysctl(_) => !self.has(Depth::Packages) && !self.has(Depth::Kernel),
            Wish::Service(wish) => {
                !self.has(Depth::Packages) && self.leaves_service(&wish.watch.name)
            }
            Wish::Software(_)
            | Wish::NoSoftware(_)
            | Wish::Group(_)
            | Wish::NoGroup(_)
            | Wish::User(_)
            | Wish::NoUser(_)
            | Wish::Mount(_)
            | Wish::KernelModule(_) => !self.has(Depth::Packages),
            Wish::Container(_) | Wish::NoContainer(_) => {
                !self.has(Depth::Packages) && self.services.is_empty()
            }
        };
        if sure {
            Certainty::Exact
        } else {
            Certainty::Assumed
        }
    }

    /// How sure it is how anything at all stands.
    pub(super) fn over_all(&self) -> Certainty {
        let none = self.depths.is_empty() && self.services.is_empty() && self.unseen.is_empty();
        if none {
            Certainty::Exact
        } else {
            Certainty::Assumed
        }
    }

    /// How sure it is what stands at a path.
    pub(super) fn over_path(&self, path: &str) -> Certainty {
        if !self.has(Depth::Program) && self.leaves(path) {
            Certainty::Exact
        } else {
            Certainty::Assumed
        }
    }

    /// Whether what would stand at a path is something that nobody has seen.
    pub(super) fn hides(&self, path: &str) -> bool {
        self.unseen.iter().any(|unseen| within(path, unseen))
    }

    /// Whether nothing that was held back, but for programs, can have to do with a path.
    fn leaves(&self, path: &str) -> bool {
        let below = |places: &[&str]| places.iter().any(|place| within(path, place));
        !self.hides(path)
            && (!self.has(Depth::Packages) || below(&OWN))
            && (!self.runs_others() || !below(&RUNNING))
    }

    /// Whether something else would run that leaves things behind.
    fn runs_others(&self) -> bool {
        self.has(Depth::Container) || !self.services.is_empty()
    }

    /// Packages bring no files of their own there, but directories they may.
    fn leaves_directory(&self, path: &str) -> bool {
        self.leaves(path) && !(self.has(Depth::Packages) && within(path, "/usr/local"))
    }

    /// Whether nothing that was held back can bring these users and groups.
    fn leaves_owners(&self, owners: [&Option<String>; 2]) -> bool {
        let own = |owner: &String| owner == "root" || owner.chars().all(|c| c.is_ascii_digit());
        !self.has(Depth::Packages) || owners.into_iter().flatten().all(own)
    }

    /// Whether no other service can have to do with this one: one starts what it requires.
    fn leaves_service(&self, name: &str) -> bool {
        self.services.is_empty() || self.services.contains(name)
    }
}

/// Whether a path is this place or below it; only below it where the place ends in a slash.
fn within(path: &str, place: &str) -> bool {
    match path.strip_prefix(place) {
        Some("") => true,
        Some(rest) => place.ends_with('/') || rest.starts_with('/'),
        None => false,
    }
}
