//! How many machines may fail over a whole run.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use cellhost_plan::{MachineName, Share};

/// Counts machines that failed, each once, against what the plan allows.
pub(crate) struct Budget {
    allowed: Option<usize>,
    failed: Mutex<BTreeSet<MachineName>>,
}

impl Budget {
    pub(crate) fn new(allowed: Option<Share>, machines: usize) -> Self {
        Self {
            allowed: allowed.map(|share| share.of(machines)),
            failed: Mutex::default(),
        }
    }

    /// Notes that a machine failed, and tells whether the others may go on without it.
    pub(crate) fn forgives(&self, machine: &MachineName) -> bool {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.insert(machine.clone());
        self.allowed.is_some_and(|allowed| failed.len() <= allowed)
    }

    /// Why nothing new begins, where nothing does.
    pub(crate) fn exceeded(&self) -> Option<String> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let allowed = self.allowed.filter(|allowed| failed.len() > *allowed)?;
        let names: Vec<&str> = failed.iter().map(MachineName::as_str).collect();
        Some(format!(
            "more machines failed than the {allowed} that `max-failures` allows: {}",
            names.join(", ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> MachineName {
        MachineName::new(text).unwrap()
    }

    #[test]
    fn counts_a_machine_once_however_often_it_fails() {
        let budget = Budget::new(Some(Share::Percent(50)), 3);
        assert!(budget.forgives(&name("a")) && budget.forgives(&name("a")));
        assert_eq!(budget.exceeded(), None);
        assert!(!budget.forgives(&name("b")));
        let why = budget.exceeded().unwrap();
        assert!(
            why.ends_with("the 1 that `max-failures` allows: a, b"),
            "{why}"
        );
    }

    #[test]
    fn forgives_nothing_and_ends_nothing_where_the_plan_says_nothing() {
        let budget = Budget::new(None, 3);
        assert!(!budget.forgives(&name("a")));
        assert_eq!(budget.exceeded(), None);
    }
}
