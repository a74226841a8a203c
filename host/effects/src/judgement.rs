//! Wishes against facts: the part that a real run and a dry run share.

mod course;
mod wanted;

use std::collections::BTreeMap;

use cellhost_manifest::digest;
use cellhost_transport::FileKind;
use cellhost_transport::Task;
use cellhost_transport::resources::file::Before;
use cellhost_transport::resources::path::PathFacts;
use cellhost_transport::resources::{Difference, Facts, Identity, Sequence, Wish};

use crate::{Certainty, EffectError, Item, Prospect, Replaced, Settlement, Trouble};

pub(crate) use course::Course;
use wanted::Wanted;

/// A list of items as wishes, ready to be judged. An item may be several wishes.
pub(crate) struct Wishes {
    list: Vec<Wanted>,
    subjects: Vec<String>,
}

/// What a look at a part of a list showed.
pub(crate) struct Judged {
    /// The wishes that differ, in order.
    pub(crate) differing: Vec<Differing>,
    /// The place from which to look again; the length of the list where there is none.
    pub(crate) next: usize,
    /// The wishes that cannot be met at all, in order.
    pub(crate) hopeless: Vec<Hopeless>,
}

/// A wish that cannot be met, given how things stand.
pub(crate) struct Hopeless {
    /// Its place in the list of wishes.
    pub(crate) index: usize,
    /// The place of its item.
    pub(crate) item: usize,
    /// What it was going to be.
    pub(crate) wish: Wish,
    /// Why not.
    pub(crate) trouble: Trouble,
}

/// A wish that differs from the facts.
pub(crate) struct Differing {
    /// Its place in the list of wishes.
    pub(crate) index: usize,
    /// The place of its item.
    pub(crate) item: usize,
    /// The wish and the facts that it was compared with: those of the machine, with what earlier
    /// wishes of the list do to a path, and what services owe for it.
    pub(crate) task: Task,
    /// What differs.
    pub(crate) difference: Difference,
    /// Its content as it may be shown, where secrets are in it.
    pub(crate) shown: Option<String>,
}

impl Wishes {
    /// Translates items, whose templates must be rendered and secrets filled in by now.
    pub(crate) fn of(items: &[Item]) -> Result<Self, EffectError> {
        Ok(Self {
            list: Wanted::all(items)?,
            subjects: items.iter().map(Item::subject).collect(),
        })
    }

    /// The things that the wishes from a place on are about.
    pub(crate) fn identities(&self, from: usize) -> Vec<Identity> {
        let wanted = self.list.iter().skip(from);
        wanted.map(Wanted::identity).collect()
    }

    /// The place of the item of the wish at this place.
    pub(crate) fn item(&self, index: usize) -> usize {
        self.list.get(index).map_or(0, |wanted| wanted.item)
    }

    /// What an item is about, in words.
    fn subject(&self, item: usize) -> String {
        self.subjects.get(item).cloned().unwrap_or_default()
    }

    /// Compares the wishes from a place on with the facts about them, in order, and stops behind
    /// the first that differs and whose settling may change what the facts about the later ones
    /// are, such as a package that brings files and services.
    pub(crate) fn judge(&self, from: usize, facts: &[Facts]) -> Judged {
        let mut differing = Vec::new();
        let mut hopeless = Vec::new();
        let mut sequence = Sequence::default();
        let mut held: BTreeMap<String, Facts> = BTreeMap::new();
        let wanted = self.list.iter().enumerate().skip(from);
        for ((index, wanted), real) in wanted.zip(facts) {
            let path = wanted.path();
            let before = path.as_ref().and_then(|path| held.get(path));
            let before = before.unwrap_or(real);
            let wish = match wanted.wish(before) {
                Ok(Some(wish)) => wish,
                Ok(None) => continue,
                Err(words) => {
                    hopeless.push(Hopeless {
                        index,
                        item: wanted.item,
                        wish: wanted.promise(),
                        trouble: Trouble::new(words),
                    });
                    continue;
                }
            };
            let task = sequence.next(wish, before.clone());
            let Some(mut difference) = task.difference() else {
                continue;
            };
            if let Some(label) = &wanted.label {
                for line in &mut difference.lines {
                    *line = format!("{label}: {line}");
                }
            }
            let opaque = matches!(task.wish, Wish::Software(_) | Wish::NoSoftware(_));
            let met = task.wish.met(&task.facts);
            differing.push(Differing {
                index,
                item: wanted.item,
                task,
                difference,
                shown: wanted.shown.clone(),
            });
            if let Some(path) = path {
                held.insert(path, met);
            }
            if opaque {
                let next = index + 1;
                return Judged {
                    differing,
                    next,
                    hopeless,
                };
            }
        }
        Judged {
            differing,
            next: self.list.len(),
            hopeless,
        }
    }

    /// A wish about the same thing as the one at this place, for what needs it.
    pub(crate) fn promise(&self, index: usize) -> Option<Wish> {
        self.list.get(index).map(Wanted::promise)
    }

    /// What is told of a wish that does not differ, as far as can be told.
    pub(crate) fn about(&self, index: usize) -> Prospect {
        let wanted = self.list.get(index);
        Prospect {
            place: index,
            subject: self.subject(self.item(index)),
            wished: wanted.map(Wanted::fingerprint).unwrap_or_default(),
            lines: Vec::new(),
            content: None,
            secret: wanted.is_some_and(Wanted::has_secrets),
            certainty: Certainty::Exact,
        }
    }

    /// What is told of a wish that differs before it is settled.
    pub(crate) fn foreseen(&self, found: &Differing) -> Prospect {
        let content = match (&found.task.wish, found.difference.content) {
            (Wish::File(file), true) => found.replaced(&file.hash),
            (Wish::Download(download), true) => found.replaced(&download.hash),
            _ => None,
        };
        Prospect {
            lines: found.difference.lines.clone(),
            content,
            ..self.about(found.index)
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// The answer to the list while nothing is known to differ.
    fn settlements(&self) -> Vec<Settlement> {
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

impl Differing {
    /// Whether the wish was made of what was looked at, so that it does not hold if that changed.
    pub(crate) fn guarded(&self) -> bool {
        matches!(&self.task.wish, Wish::File(file) if file.before.is_some())
    }

    /// Lets the wish hold only for what was looked at: a file that was replaced since is left alone.
    pub(crate) fn pin(&mut self) {
        let looked_at = match self.path() {
            Some(PathFacts { kind: None, .. }) => Some(Before::Nothing),
            Some(PathFacts {
                kind: Some(FileKind::File),
                hash: Some(hash),
                ..
            }) => Some(Before::Hash(hash.clone())),
            _ => None,
        };
        if let Wish::File(file) = &mut self.task.wish
            && self.difference.content
            && file.before.is_none()
        {
            file.before = looked_at;
        }
    }

    /// What stands at its path and what is to.
    fn replaced(&self, after: &str) -> Option<Replaced> {
        let facts = self.path()?;
        let looked_at = facts.content.as_ref().map(|content| digest(&content.0));
        Some(Replaced {
            before: facts.hash.clone().or(looked_at),
            after: after.to_owned(),
        })
    }

    /// How the path stood that the wish is about.
    pub(crate) fn path(&self) -> Option<&PathFacts> {
        match &self.task.facts {
            Facts::Path(facts) => Some(facts),
            _ => None,
        }
    }

    /// Adds what changed to the answer about its item.
    fn tell(self, settlements: &mut [Settlement], diff: Option<String>) {
        if let Some(settlement) = settlements.get_mut(self.item) {
            settlement.lines.extend(self.difference.lines);
            if let Some(diff) = diff {
                settlement.diff.get_or_insert_default().push_str(&diff);
            }
        }
    }
}
