//! Wishes against facts: the part that a real run and a dry run share.

use std::collections::BTreeSet;

use cellhost_manifest::digest;
use cellhost_transport::resources::{self, Difference, Facts, Wish};

use crate::{Certainty, Content, EffectError, Item, Settlement};

/// A list of items as wishes, ready to be judged.
pub(crate) struct Wishes {
    list: Vec<Wish>,
    subjects: Vec<String>,
    shown: Vec<Option<String>>,
    watched: Vec<Watched>,
}

/// What a look at a part of a list showed.
pub(crate) struct Judged {
    /// The wishes that differ, in order.
    pub(crate) differing: Vec<Differing>,
    /// The place from which to look again; the length of the list where there is none.
    pub(crate) next: usize,
}

/// A wish that differs from the facts.
pub(crate) struct Differing {
    /// Its place in the list.
    pub(crate) index: usize,
    /// The wish, told whether restarts are coming.
    pub(crate) wish: Wish,
    /// What differs.
    pub(crate) difference: Difference,
    /// Its content as it may be shown, where secrets are in it.
    pub(crate) shown: Option<String>,
}

impl Wishes {
    /// Translates items, whose templates must be rendered and secrets filled in by now.
    pub(crate) fn of(items: &[Item]) -> Result<Self, EffectError> {
        let mut wishes = Vec::with_capacity(items.len());
        for item in items {
            wishes.push(wish(item, items)?);
        }
        Ok(Self {
            list: wishes,
            subjects: items.iter().map(Item::subject).collect(),
            shown: items.iter().map(shown).collect(),
            watched: items.iter().map(watched).collect(),
        })
    }

    /// The things that the wishes from a place on are about.
    pub(crate) fn identities(&self, from: usize) -> Vec<resources::Identity> {
        self.list.iter().skip(from).map(Wish::identity).collect()
    }

    /// What the wish at this place is about, in words.
    pub(crate) fn subject(&self, index: usize) -> &str {
        self.subjects.get(index).map_or("", String::as_str)
    }

    /// Compares the wishes from a place on with the facts about them, in order, and stops behind
    /// the first that differs and whose settling may change what the facts about the later ones
    /// are, such as a package that brings files and services.
    pub(crate) fn judge(&self, from: usize, facts: &[Facts], memory: &mut Memory) -> Judged {
        let mut differing = Vec::new();
        let wishes = self.list.iter().enumerate().skip(from);
        for ((index, wish), facts) in wishes.zip(facts) {
            let mut wish = wish.clone();
            if let (Wish::Service(service), Some(watched)) = (&mut wish, self.watched.get(index)) {
                service.restart_coming = memory.owes(&service.name, &watched.restart);
                service.reload_coming = memory.owes(&service.name, &watched.reload);
                memory.pay(&service.name, watched);
            }
            let Some(difference) = wish.compare(facts) else {
                continue;
            };
            if let (Wish::File(file), true) = (&wish, difference.content) {
                memory.replace(&file.path);
            }
            let opaque = matches!(wish, Wish::Software(_) | Wish::NoSoftware(_));
            differing.push(Differing {
                index,
                wish,
                difference,
                shown: self.shown.get(index).cloned().flatten(),
            });
            if opaque {
                let next = index + 1;
                return Judged { differing, next };
            }
        }
        let next = self.list.len();
        Judged { differing, next }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// The answer to the list while nothing is known to differ.
    pub(crate) fn settlements(&self) -> Vec<Settlement> {
        self.subjects
            .iter()
            .map(|subject| Settlement {
                subject: subject.clone(),
                lines: Vec::new(),
                diff: None,
                certainty: Certainty::Exact,
            })
            .collect()
    }
}

/// The files that services restart and reload for.
struct Watched {
    restart: Vec<String>,
    reload: Vec<String>,
}

/// What a run remembers of one machine: files whose content it has replaced, and the services
/// that have restarted or reloaded for them since. A service may stand in a later list than its
/// files.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    replaced: BTreeSet<String>,
    paid: BTreeSet<(String, String)>,
}

impl Memory {
    fn replace(&mut self, path: &str) {
        self.paid.retain(|(_, paid)| paid != path);
        self.replaced.insert(path.to_owned());
    }

    fn owes(&self, service: &str, paths: &[String]) -> bool {
        paths.iter().any(|path| {
            self.replaced.contains(path) && !self.paid.contains(&(service.to_owned(), path.clone()))
        })
    }

    fn pay(&mut self, service: &str, watched: &Watched) {
        let paths = watched.restart.iter().chain(&watched.reload);
        let paid = paths.map(|path| (service.to_owned(), path.clone()));
        self.paid.extend(paid);
    }
}

fn shown(item: &Item) -> Option<String> {
    match item {
        Item::File(file) => match &file.content {
            Content::Bytes { shown, .. } => shown.clone(),
            Content::Rendered { .. } => None,
        },
        _ => None,
    }
}

fn watched(item: &Item) -> Watched {
    let (restart, reload) = match item {
        Item::Service(service) => (service.restart_for.clone(), service.reload_for.clone()),
        _ => (Vec::new(), Vec::new()),
    };
    Watched { restart, reload }
}

fn wish(item: &Item, items: &[Item]) -> Result<Wish, EffectError> {
    Ok(match item {
        Item::File(file) => {
            let Content::Bytes { bytes, .. } = &file.content else {
                return Err(EffectError::other(format!(
                    "the template of {} was not rendered",
                    file.path
                )));
            };
            let watching = |paths: fn(&crate::Service) -> &Vec<String>| {
                items
                    .iter()
                    .filter_map(|item| match item {
                        Item::Service(service) if paths(service).contains(&file.path) => {
                            Some(service.name.clone())
                        }
                        _ => None,
                    })
                    .collect()
            };
            Wish::File(resources::file::File {
                path: file.path.clone(),
                hash: digest(bytes),
                content: bytes.clone(),
                mode: file.mode,
                owner: file.owner.clone(),
                group: file.group.clone(),
                restarts: watching(|service| &service.restart_for),
                reloads: watching(|service| &service.reload_for),
            })
        }
        Item::Directory(directory) => Wish::Directory(directory.clone()),
        Item::Link(link) => Wish::Link(link.clone()),
        Item::Absent(absent) => Wish::Absent(absent.clone()),
        Item::Software(software) => Wish::Software(software.clone()),
        Item::NoSoftware(software) => Wish::NoSoftware(software.clone()),
        Item::Group(group) => Wish::Group(group.clone()),
        Item::User(user) => Wish::User(user.clone()),
        Item::Service(service) => Wish::Service(resources::service::Service {
            name: service.name.clone(),
            enabled: service.enabled,
            running: service.running,
            restart_coming: false,
            reload_coming: false,
        }),
    })
}
