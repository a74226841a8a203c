//! A machine as it would be.

use std::collections::{BTreeMap, BTreeSet};

use cellhost_transport::resources::service::{ServiceFacts, Watch};
use cellhost_transport::resources::{Facts, Identity, Wish};

use crate::Certainty;

/// What a machine would look like.
#[derive(Default)]
pub(super) struct Overlay {
    pub(super) facts: BTreeMap<Identity, Facts>,
    /// Packages installed (with a version, empty where unknown) or removed.
    packages: BTreeMap<String, Option<String>>,
    pub(super) contents: BTreeMap<String, Option<Vec<u8>>>,
    /// Paths whose content would have been replaced.
    replaced: BTreeSet<String>,
    /// Services and the paths that they would have restarted or reloaded for since.
    took_up: BTreeSet<(String, String)>,
    /// Whether any change was held back.
    pub(super) held_back: bool,
    /// Whether one of them does what only the machine knows: a package's files, a command.
    pub(super) opaque: bool,
}

impl Overlay {
    /// How a thing would stand, given how it really does.
    pub(super) fn seen(&self, identity: &Identity, real: Facts) -> Facts {
        let held = self.facts.get(&key(identity));
        if let (Identity::Service(watch), Facts::Service(real)) = (identity, &real) {
            return Facts::Service(self.service(watch, real, held));
        }
        if let Some(held) = held {
            return held.clone();
        }
        let Facts::Software(mut facts) = real else {
            return real;
        };
        let Identity::Software(names) = identity else {
            return Facts::Software(facts);
        };
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
        Facts::Software(facts)
    }

    /// How a service would stand, with what it would owe by now.
    fn service(&self, watch: &Watch, real: &ServiceFacts, held: Option<&Facts>) -> ServiceFacts {
        let mut facts = match held {
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

    /// Keeps what a wish does to the machine.
    pub(super) fn keep(&mut self, wish: &Wish, before: &Facts) {
        if let Some(path) = wish.replaces(before) {
            self.took_up.retain(|(_, taken)| taken != path);
            self.replaced.insert(path.to_owned());
        }
        if let Wish::Service(service) = wish {
            let name = &service.watch.name;
            let paths = service.watch.paths();
            self.took_up
                .extend(paths.map(|path| (name.clone(), path.to_owned())));
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
        match wish {
            Wish::File(file) => {
                self.contents
                    .insert(file.path.clone(), Some(file.content.clone()));
            }
            Wish::Absent(absent) => {
                self.contents.insert(absent.path.clone(), None);
            }
            _ => {}
        }
    }

    pub(super) fn certainty(&self) -> Certainty {
        if self.opaque {
            Certainty::Assumed
        } else {
            Certainty::Exact
        }
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
