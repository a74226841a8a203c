//! A machine as it would be, had the changes that were held back been made.

use std::collections::{BTreeMap, BTreeSet};

use cellhost_transport::resources::path::PathFacts;
use cellhost_transport::resources::service::{ServiceFacts, Watch};
use cellhost_transport::resources::software::SoftwareFacts;
use cellhost_transport::resources::{Facts, Identity, Wish};
use cellhost_transport::{FileKind, FileStatus};

use super::shadow::Shadow;

/// What a machine would look like.
#[derive(Default)]
pub(super) struct Overlay {
    facts: BTreeMap<Identity, Facts>,
    /// Packages installed (with a version, empty where unknown) or removed.
    packages: BTreeMap<String, Option<String>>,
    /// What files hold; none where that is something that nobody has seen.
    contents: BTreeMap<String, Option<Vec<u8>>>,
    /// Paths whose content would have been replaced.
    replaced: BTreeSet<String>,
    /// Services and the paths that they would have restarted or reloaded for since.
    took_up: BTreeSet<(String, String)>,
    /// Whether any change was held back.
    pub(super) held_back: bool,
    /// What nobody can know therefore.
    pub(super) shadow: Shadow,
}

/// What the overlay tells of what a file holds.
pub(super) enum Held {
    /// These bytes.
    Bytes(Vec<u8>),
    /// There would be no file.
    Nothing,
    /// Something else than what stands there, and nobody has seen it.
    Unseen,
    /// What the machine says.
    Untouched,
}

impl Overlay {
    /// How a thing would stand, given how it really does.
    pub(super) fn seen(&self, identity: &Identity, real: Facts) -> Facts {
        match (identity, real) {
            (Identity::Service(watch), Facts::Service(real)) => {
                Facts::Service(self.service(watch, &real))
            }
            (Identity::Software(names), Facts::Software(real)) => {
                Facts::Software(self.software(names, real))
            }
            (Identity::Path { path, .. } | Identity::Content(path), Facts::Path(real)) => {
                Facts::Path(self.path(path, real))
            }
            (identity, real) => self.facts.get(&key(identity)).cloned().unwrap_or(real),
        }
    }

    /// What would stand at a path, given what really does.
    pub(super) fn path(&self, path: &str, real: PathFacts) -> PathFacts {
        if let Some(held) = self.at(path) {
            return held.clone();
        }
        if real.kind.is_none() || self.is_removed(path) {
            return self.parent_of_held(path);
        }
        real
    }

    /// What a file at a path would hold.
    pub(super) fn held(&self, path: &str) -> Held {
        match (self.contents.get(path), self.at(path)) {
            (Some(Some(bytes)), _) => Held::Bytes(bytes.clone()),
            (Some(None), _) => Held::Unseen,
            (None, _) if self.shadow.hides(path) => Held::Unseen,
            (None, Some(facts)) => match facts.kind {
                Some(FileKind::Link) => Held::Unseen,
                // Only its outside would be another.
                Some(FileKind::File) => Held::Untouched,
                _ => Held::Nothing,
            },
            (None, None) if self.is_removed(path) => Held::Nothing,
            (None, None) => Held::Untouched,
        }
    }

    /// Whether nobody has seen what stands at the path that a wish is about.
    pub(super) fn is_unseen(&self, wish: &Wish) -> bool {
        match wish.identity() {
            Identity::Path { path, .. } | Identity::Content(path) => {
                matches!(self.held(&path), Held::Unseen)
            }
            _ => false,
        }
    }

    /// The outside of what would stand at a path, given that of what really does.
    pub(super) fn status(&self, path: &str, real: Option<FileStatus>) -> Option<FileStatus> {
        let nothing = PathFacts::nothing();
        let stands = real.as_ref().map_or_else(
            || nothing.clone(),
            |real| PathFacts {
                kind: Some(real.kind),
                ..nothing.clone()
            },
        );
        let seen = self.path(path, stands.clone());
        if seen == stands {
            return real;
        }
        seen.kind.map(|kind| FileStatus {
            kind,
            size: seen.size,
            mode: seen.mode,
            owner: seen.owner,
            group: seen.group,
        })
    }

    /// The names in a directory and whether it is there, given those that really are.
    pub(super) fn entries(&self, path: &str, real: Option<Vec<String>>) -> Option<Vec<String>> {
        let stands = match self.at(path) {
            Some(facts) => facts.kind == Some(FileKind::Directory),
            None => real.is_some() && !self.is_removed(path),
        };
        let real = real.filter(|_| !self.is_removed(path));
        let mut entries: BTreeSet<String> = real.into_iter().flatten().collect();
        let mut exists = stands;
        let below = format!("{}/", path.trim_end_matches('/'));
        for (held, facts) in self.paths() {
            let Some(rest) = held.strip_prefix(&below) else {
                continue;
            };
            match rest.split_once('/') {
                // It could not stand there without the directories that lead to it.
                Some((name, _)) if facts.kind.is_some() => {
                    entries.insert(name.to_owned());
                    exists = true;
                }
                None if facts.kind.is_some() => {
                    entries.insert(rest.to_owned());
                    exists = true;
                }
                None => {
                    entries.remove(rest);
                }
                Some(_) => {}
            }
        }
        exists.then(|| entries.into_iter().collect())
    }

    /// Keeps what a wish does to the machine.
    pub(super) fn keep(&mut self, wish: &Wish, before: &Facts) {
        self.held_back = true;
        self.shadow.fall(wish);
        if let Some(path) = wish.replaces(before) {
            self.replace(path);
        }
        match wish {
            Wish::Service(service) => {
                let name = &service.watch.name;
                let paths = service.watch.paths();
                self.took_up
                    .extend(paths.map(|path| (name.clone(), path.to_owned())));
            }
            Wish::Absent(absent) => self.remove_below(&absent.path),
            _ => {}
        }
        match wish {
            Wish::Software(software) => {
                for name in &software.names {
                    let version = software.versions.get(name).cloned().unwrap_or_default();
                    self.packages.insert(name.clone(), Some(version));
                }
            }
            Wish::NoSoftware(software) => {
                self.packages
                    .extend(software.names.iter().cloned().map(|name| (name, None)));
            }
            _ => {
                self.facts.insert(key(&wish.identity()), wish.met(before));
            }
        }
        self.keep_content(wish, before);
    }

    /// Takes up that something would stand at a path that nobody can foresee.
    pub(super) fn keep_unseen(&mut self, wish: &Wish) {
        self.held_back = true;
        if let Identity::Path { path, .. } | Identity::Content(path) = wish.identity() {
            self.replace(&path);
            self.contents.insert(path, None);
        }
    }

    fn keep_content(&mut self, wish: &Wish, before: &Facts) {
        let (Identity::Path { path, .. } | Identity::Content(path)) = wish.identity() else {
            return;
        };
        let content = match (wish, wish.met(before)) {
            (Wish::File(file), _) => Some(Some(file.content.clone())),
            (Wish::Download(_), _) => wish.replaces(before).map(|_| None),
            (_, Facts::Path(PathFacts { content, .. })) => content.map(|content| Some(content.0)),
            _ => None,
        };
        match content {
            Some(content) => drop(self.contents.insert(path, content)),
            // What stands there now is of another kind, or only its outside differs.
            None if !matches!(wish, Wish::Download(_)) => drop(self.contents.remove(&path)),
            None => {}
        }
    }

    fn replace(&mut self, path: &str) {
        self.took_up.retain(|(_, taken)| taken != path);
        self.replaced.insert(path.to_owned());
    }

    /// Forgets what would have stood below a path.
    fn remove_below(&mut self, path: &str) {
        let below = format!("{}/", path.trim_end_matches('/'));
        self.contents.retain(|held, _| !held.starts_with(&below));
        self.facts.retain(|identity, _| match identity {
            Identity::Path { path, .. } => !path.starts_with(&below),
            _ => true,
        });
    }

    /// What is held at this very path.
    fn at(&self, path: &str) -> Option<&PathFacts> {
        let identity = Identity::Path {
            path: path.to_owned(),
            hash: false,
        };
        match self.facts.get(&identity) {
            Some(Facts::Path(facts)) => Some(facts),
            _ => None,
        }
    }

    fn paths(&self) -> impl Iterator<Item = (&str, &PathFacts)> {
        self.facts
            .iter()
            .filter_map(|(identity, facts)| match (identity, facts) {
                (Identity::Path { path, .. }, Facts::Path(facts)) => Some((path.as_str(), facts)),
                _ => None,
            })
    }

    /// Whether it went with something above it.
    fn is_removed(&self, path: &str) -> bool {
        let mut above = path;
        while let Some((parent, _)) = above.rsplit_once('/') {
            if self.at(parent).is_some_and(|facts| facts.kind.is_none()) {
                return true;
            }
            above = parent;
        }
        false
    }

    /// A path where nothing stands: a directory where something is to stand below it.
    fn parent_of_held(&self, path: &str) -> PathFacts {
        let below = format!("{}/", path.trim_end_matches('/'));
        let leads =
            |(held, facts): (&str, &PathFacts)| facts.kind.is_some() && held.starts_with(&below);
        if !self.paths().any(leads) {
            return PathFacts::nothing();
        }
        PathFacts {
            kind: Some(FileKind::Directory),
            mode: 0o755,
            owner: "root".to_owned(),
            group: "root".to_owned(),
            ..PathFacts::nothing()
        }
    }

    fn software(&self, names: &BTreeSet<String>, mut facts: SoftwareFacts) -> SoftwareFacts {
        for name in names {
            match self.packages.get(name) {
                Some(Some(version)) if version.is_empty() => {
                    facts.installed.entry(name.clone()).or_default();
                }
                Some(Some(version)) => {
                    facts.installed.insert(name.clone(), version.clone());
                }
                Some(None) => {
                    facts.installed.remove(name);
                }
                None => {}
            }
        }
        facts
    }

    /// How a service would stand, with what it would owe by now.
    fn service(&self, watch: &Watch, real: &ServiceFacts) -> ServiceFacts {
        let mut facts = match self.facts.get(&key(&Identity::Service(watch.clone()))) {
            Some(Facts::Service(held)) => held.clone(),
            _ => real.clone(),
        };
        let took = |path: &String| self.took_up.contains(&(watch.name.clone(), path.clone()));
        let left = |owed: &BTreeSet<String>| {
            let left = owed.iter().filter(|path| !took(path));
            left.cloned().collect()
        };
        facts.restart_owed = left(&real.restart_owed);
        facts.reload_owed = left(&real.reload_owed);
        for path in self.replaced.iter().filter(|path| !took(path)) {
            facts.owe(watch, path);
        }
        facts
    }
}

/// The identity under which a thing is kept, however it was asked about.
fn key(identity: &Identity) -> Identity {
    match identity {
        Identity::Path { path, .. } | Identity::Content(path) => Identity::Path {
            path: path.clone(),
            hash: false,
        },
        Identity::Service(watch) => Identity::Service(Watch::none(&watch.name)),
        other => other.clone(),
    }
}
