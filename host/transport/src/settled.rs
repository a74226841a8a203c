//! What became of a list of wishes.

use crate::resources::cause::Cause;
use crate::resources::path::Content;

/// What became of a list of wishes: one fate each, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The fates.
    pub fates: Vec<Fate>,
}

/// What became of one wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is settled. Where it replaced a file that is not too long, what was in it.
    Done(Option<Content>),
    /// The machine could not do it.
    Failed(Trouble),
    /// It was not tried, since it needs the one at this place, which did not come about.
    Stopped(usize),
}

/// Why a wish could not be met.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Trouble {
    /// The machine's own words.
    pub message: String,
    /// What they say, where that is known.
    pub cause: Cause,
}

impl Settled {
    /// How many are settled.
    pub fn done(&self) -> usize {
        let done = self.fates.iter();
        done.filter(|fate| matches!(fate, Fate::Done(_))).count()
    }

    /// The words about the first that failed.
    pub fn failure(&self) -> Option<String> {
        self.fates.iter().find_map(|fate| match fate {
            Fate::Failed(trouble) => Some(trouble.message.clone()),
            _ => None,
        })
    }
}

impl Trouble {
    /// Judges a machine's words.
    pub fn new(message: impl Into<String>) -> Self {
        let message = message.into();
        let cause = Cause::of(&message);
        Self { message, cause }
    }
}
