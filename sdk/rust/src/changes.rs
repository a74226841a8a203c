use crate::bindings::cellhost::state::state::{Item, Outcome};

/// What an `ensure` had to change (or would have, in a dry run).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Changes {
    outcomes: Vec<(String, bool)>,
}

impl Changes {
    pub(crate) fn new(items: &[Item], outcomes: &[Outcome]) -> Self {
        let outcomes = items
            .iter()
            .zip(outcomes)
            .map(|(item, outcome)| (item.subject(), matches!(outcome, Outcome::Changed)))
            .collect();
        Self { outcomes }
    }

    /// Tells whether anything had to change.
    pub fn any(&self) -> bool {
        self.outcomes.iter().any(|(_, changed)| *changed)
    }

    /// Returns how many wishes had to be met.
    pub fn count(&self) -> usize {
        self.outcomes.iter().filter(|(_, changed)| *changed).count()
    }

    /// Tells whether the wish about this path or name had to be met.
    pub fn of(&self, subject: &str) -> bool {
        self.outcomes
            .iter()
            .any(|(own, changed)| *changed && own == subject)
    }
}
