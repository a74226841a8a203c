//! Programs that make things and follow each other: their marks are made to last at once, and what is
//! left of them is taken away at once.

use super::{MOST, Settling};
use crate::Task;
use crate::resources::{Wish, creation};
use crate::shell::{Part, Refusal};

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
        let marks: Vec<String> = marks.collect();
        self.script
            .need(&[Part::File, Part::Memory, Part::Creation]);
        self.sweeping(&[("ch_unmark", marks.clone())])?;
        if count > 1 {
            self.script.call("ch_do ch_plan", marks)?;
        }
        for place in from..from + count {
            self.task(tasks, place)?;
        }
        self.script.text("ch_sweep\nch_sweep() { :; }\n");
        Ok(())
    }
}
