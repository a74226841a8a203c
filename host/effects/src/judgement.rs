//! Wishes against facts: the part that a real run and a dry run share.

use std::collections::BTreeSet;

use cellhost_transport::resources::{self, Difference, Facts, Wish};
use sha2::{Digest, Sha256};

use crate::{Content, EffectError, Item, Settlement};

/// A list of items as wishes, ready to be judged.
pub(crate) struct Wishes {
    wishes: Vec<Wish>,
    subjects: Vec<String>,
    sensitive: Vec<bool>,
    restart_for: Vec<(Vec<String>, Vec<String>)>,
}

/// A wish that differs from the facts.
pub(crate) struct Differing {
    /// Its place in the list.
    pub(crate) index: usize,
    /// The wish, told whether restarts are coming.
    pub(crate) wish: Wish,
    /// What differs.
    pub(crate) difference: Difference,
    /// Whether secrets are in its content.
    pub(crate) sensitive: bool,
}

impl Wishes {
    /// Translates items, whose templates must be rendered and secrets filled in by now.
    pub(crate) fn of(items: &[Item]) -> Result<Self, EffectError> {
        let mut wishes = Vec::with_capacity(items.len());
        for item in items {
            wishes.push(wish(item, items)?);
        }
        Ok(Self {
            wishes,
            subjects: items.iter().map(Item::subject).collect(),
            sensitive: items.iter().map(sensitive).collect(),
            restart_for: items.iter().map(watched).collect(),
        })
    }

    /// The things that the wishes are about.
    pub(crate) fn identities(&self) -> Vec<resources::Identity> {
        self.wishes.iter().map(Wish::identity).collect()
    }

    /// The wishes themselves.
    pub(crate) fn all(&self) -> &[Wish] {
        &self.wishes
    }

    /// What the wish at this place is about, in words.
    pub(crate) fn subject(&self, index: usize) -> &str {
        self.subjects.get(index).map_or("", String::as_str)
    }

    /// Compares all wishes with the facts, in order. `replaced` are the files whose content has
    /// been replaced by earlier lists of the run; those of this list are added to it.
    pub(crate) fn differing(
        &self,
        facts: &[Facts],
        replaced: &mut BTreeSet<String>,
    ) -> Vec<Differing> {
        let mut differing = Vec::new();
        for (index, ((wish, facts), sensitive)) in self
            .wishes
            .iter()
            .zip(facts)
            .zip(&self.sensitive)
            .enumerate()
        {
            let mut wish = wish.clone();
            if let (Wish::Service(service), Some((restart_for, reload_for))) =
                (&mut wish, self.restart_for.get(index))
            {
                service.restart_coming = restart_for.iter().any(|path| replaced.contains(path));
                service.reload_coming = reload_for.iter().any(|path| replaced.contains(path));
            }
            let Some(difference) = wish.compare(facts) else {
                continue;
            };
            if let (Wish::File(file), true) = (&wish, difference.content) {
                replaced.insert(file.path.clone());
            }
            differing.push(Differing {
                index,
                wish,
                difference,
                sensitive: *sensitive,
            });
        }
        differing
    }

    /// The answer to the list, once these differences are settled. `diffs` holds the content
    /// differences by place.
    pub(crate) fn settlements(
        &self,
        differing: Vec<(Differing, Option<String>)>,
    ) -> Vec<Settlement> {
        let mut settlements: Vec<Settlement> = self
            .subjects
            .iter()
            .map(|subject| Settlement {
                subject: subject.clone(),
                lines: Vec::new(),
                diff: None,
            })
            .collect();
        for (found, diff) in differing {
            if let Some(settlement) = settlements.get_mut(found.index) {
                settlement.lines = found.difference.lines;
                settlement.diff = diff;
            }
        }
        settlements
    }
}

/// The SHA-256 of some bytes, in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The difference of a file's content in unified form, or a word about it where it is no text.
///
/// Where secrets are in the new content, a removed line may hold an older value that nobody
/// knows any more, so removed lines are not shown.
pub(crate) fn diff(path: &str, before: Option<&[u8]>, after: &[u8], sensitive: bool) -> String {
    let (Ok(old), Ok(new)) = (
        std::str::from_utf8(before.unwrap_or_default()),
        std::str::from_utf8(after),
    ) else {
        return format!("binary file, now {} bytes", after.len());
    };
    let from = if before.is_some() { path } else { "/dev/null" };
    let text = similar::TextDiff::from_lines(old, new)
        .unified_diff()
        .context_radius(2)
        .header(from, path)
        .to_string();
    if !sensitive {
        return text;
    }
    text.lines()
        .map(|line| {
            let hidden = line.starts_with('-') && !line.starts_with("--- ");
            if hidden {
                "-[not shown: it may hold a secret]\n".to_owned()
            } else {
                format!("{line}\n")
            }
        })
        .collect()
}

fn sensitive(item: &Item) -> bool {
    matches!(item, Item::File(file) if matches!(file.content, Content::Bytes { sensitive: true, .. }))
}

fn watched(item: &Item) -> (Vec<String>, Vec<String>) {
    match item {
        Item::Service(service) => (service.restart_for.clone(), service.reload_for.clone()),
        _ => (Vec::new(), Vec::new()),
    }
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
                hash: sha256(bytes),
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
