//! A wish together with the facts it is judged by.

use super::{Difference, Facts, Wish};

/// A wish, and the facts it is judged by.
#[derive(Debug, Clone)]
pub struct Task {
    /// The wish.
    pub wish: Wish,
    /// The facts as they will be when it is its turn: a service owes to what the wishes before
    /// it replace.
    pub facts: Facts,
}

impl Task {
    /// Pairs a list of wishes with the facts about them, in order.
    pub fn pair(
        wishes: impl IntoIterator<Item = Wish>,
        facts: impl IntoIterator<Item = Facts>,
    ) -> Vec<Self> {
        let mut sequence = Sequence::default();
        let pairs = wishes.into_iter().zip(facts);
        pairs
            .map(|(wish, facts)| sequence.next(wish, facts))
            .collect()
    }

    /// Returns what stands between the wish and the facts, if anything.
    pub fn difference(&self) -> Option<Difference> {
        self.wish.compare(&self.facts)
    }
}

/// Wishes that are settled one after the other.
#[derive(Debug, Default)]
pub struct Sequence {
    replaced: Vec<String>,
}

impl Sequence {
    /// Adds a wish and the facts about it as they are before any of the sequence is settled.
    pub fn next(&mut self, wish: Wish, mut facts: Facts) -> Task {
        if let (Wish::Service(service), Facts::Service(facts)) = (&wish, &mut facts) {
            for path in &self.replaced {
                facts.owe(&service.watch, path);
            }
        }
        let replaced = wish.replaces(&facts).map(str::to_owned);
        self.replaced.extend(replaced);
        Task { wish, facts }
    }
}
