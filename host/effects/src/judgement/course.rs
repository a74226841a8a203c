//! How far a list has come: what a real run and a dry run gather.

use std::collections::{BTreeMap, BTreeSet};

use cellhost_transport::resources::Wish;
use cellhost_transport::{Fate, Trouble};

use super::{Differing, Hopeless, Judged, Wishes};
use crate::{Certainty, EffectError, Failure, Missed, Settlement, Stopped};

/// What became of the wishes of a list so far.
pub(crate) struct Course<'a> {
    wishes: &'a Wishes,
    settlements: Vec<Settlement>,
    missed: BTreeMap<usize, Trouble>,
    stopped: BTreeSet<usize>,
    /// The wishes that did not come about.
    lost: Vec<Wish>,
}

impl<'a> Course<'a> {
    /// Nothing is known to differ.
    pub(crate) fn new(wishes: &'a Wishes) -> Self {
        Self {
            wishes,
            settlements: wishes.settlements(),
            missed: BTreeMap::new(),
            stopped: BTreeSet::new(),
            lost: Vec::new(),
        }
    }

    /// What of a judgement is to be tried: not what cannot be met, and nothing that needs what did
    /// not come about.
    pub(crate) fn admit(&mut self, judged: Judged) -> Vec<Differing> {
        let mut hopeless = judged.hopeless.into_iter().peekable();
        let mut admitted = Vec::with_capacity(judged.differing.len());
        for found in judged.differing {
            while let Some(earlier) = hopeless.next_if(|earlier| earlier.index < found.index) {
                self.miss(earlier.item, earlier.wish, earlier.trouble);
            }
            if self.lacks(&found) {
                self.stop(found);
            } else {
                admitted.push(found);
            }
        }
        for last in hopeless {
            self.miss(last.item, last.wish, last.trouble);
        }
        admitted
    }

    /// Takes the fate of a wish; where it is settled, with the difference that it made.
    pub(crate) fn take(&mut self, found: Differing, fate: Fate, diff: Option<String>) {
        match fate {
            Fate::Done(_) => found.tell(&mut self.settlements, diff),
            Fate::Failed(trouble) => self.miss(found.item, found.task.wish, trouble),
            Fate::Stopped(_) => self.stop(found),
        }
    }

    /// How sure the answer about an item is: as sure as the least sure of its wishes.
    pub(crate) fn trust(&mut self, item: usize, certainty: Certainty) {
        if let Some(settlement) = self.settlements.get_mut(item) {
            settlement.certainty = certainty.max(settlement.certainty);
        }
    }

    /// Takes a wish that cannot be met as things stand now for one that changes something.
    pub(crate) fn presume(&mut self, open: &Hopeless) {
        if let Some(settlement) = self.settlements.get_mut(open.item) {
            let now = &open.trouble.message;
            let line = format!("known once it is there; now {now}");
            settlement.lines.push(line);
        }
    }

    /// Whether a wish needs one that did not come about.
    pub(crate) fn lacks(&self, found: &Differing) -> bool {
        self.lost.iter().any(|lost| found.task.wish.needs(lost))
    }

    /// Whether no wish from a place on can be tried any more.
    pub(crate) fn is_over(&self, from: usize) -> bool {
        let last = self.lost.iter().any(|wish| {
            matches!(
                wish,
                Wish::Software(_) | Wish::NoSoftware(_) | Wish::Creation(_)
            )
        });
        last && from < self.wishes.len()
    }

    /// Gives up the wishes from a place on.
    pub(crate) fn give_up(&mut self, from: usize) {
        for index in from..self.wishes.len() {
            self.stopped.insert(self.wishes.item(index));
        }
    }

    /// What became of those before, where nothing more is tried.
    pub(crate) fn so_far(self) -> Vec<Settlement> {
        self.settlements
    }

    /// What became of all of them.
    pub(crate) fn end(self) -> Result<Vec<Settlement>, EffectError> {
        if self.missed.is_empty() {
            return Ok(self.settlements);
        }
        let place = |item: usize| u32::try_from(item).unwrap_or(u32::MAX);
        let stopped = self.stopped.into_iter();
        let stopped: Vec<Stopped> = stopped
            .filter(|item| !self.missed.contains_key(item))
            .map(|item| Stopped {
                index: place(item),
                subject: self.wishes.subject(item),
            })
            .collect();
        let missed = self.missed.into_iter().map(|(item, trouble)| Missed {
            index: place(item),
            subject: self.wishes.subject(item),
            trouble,
        });
        Err(EffectError::Failed(Box::new(Failure {
            missed: missed.collect(),
            stopped,
            settlements: self.settlements,
        })))
    }

    fn miss(&mut self, item: usize, wish: Wish, trouble: Trouble) {
        self.missed.entry(item).or_insert(trouble);
        self.lost.push(wish);
    }

    fn stop(&mut self, found: Differing) {
        self.stopped.insert(found.item);
        self.lost.push(found.task.wish);
    }
}
