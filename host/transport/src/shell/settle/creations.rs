//! Programs that make things and follow each other: what is left of their marks is taken away at once.

use super::{MOST, Settling};
use crate::Task;
use crate::resources::{Wish, creation};
use crate::shell::Refusal;

/// How many tasks from the first are programs.
pub(super) fn together(tasks: &[Task]) -> usize {
    let programs = tasks.iter().take(MOST);
    programs
        .take_while(|task| matches!(task.wish, Wish::Creation(_)))
        .count()
}

impl Settling {
    /// Runs these many programs, from a place on, one after the other.
    pub(super) fn creations(
        &mut self,
        tasks: &[Task],
        from: usize,
        count: usize,
    ) -> Result<(), Refusal> {
        let programs = tasks.iter().skip(from).take(count);
        let marks = programs.filter_map(|task| match &task.wish {
            Wish::Creation(wish) => Some(creation::mark(self.memory(), &wish.path)),
            _ => None,
        });
        let marks = marks.collect();
        self.sweeping(&[("ch_unmark", marks)])?;
        for place in from..from + count {
            self.task(tasks, place)?;
        }
        self.script.text("ch_sweep\nch_sweep() { :; }\n");
        Ok(())
    }
}
