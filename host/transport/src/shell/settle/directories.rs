//! Directories that follow each other are made by one program for each mode.

use super::{Settling, Step, apart};
use crate::Task;
use crate::resources::directory::Directory;
use crate::resources::{Facts, Wish, path};
use crate::shell::{Part, Refusal, operand};

/// How many tasks from the first are directories that can be made at once.
pub(super) fn together(tasks: &[Task]) -> usize {
    apart(tasks, |task| made(task).is_some())
}

/// A directory that is not there yet, and is to be of whoever makes it.
fn made(task: &Task) -> Option<&Directory> {
    match (&task.wish, &task.facts) {
        (Wish::Directory(wish), Facts::Path(facts))
            if facts.kind.is_none() && wish.owner.is_none() && wish.group.is_none() =>
        {
            Some(wish)
        }
        _ => None,
    }
}

impl Settling {
    /// Makes these many directories, from a place on.
    pub(super) fn directories(
        &mut self,
        tasks: &[Task],
        from: usize,
        count: usize,
    ) -> Result<(), Refusal> {
        self.script.need(&[Part::File, Part::Directory]);
        let mut modes: Vec<(String, Vec<String>)> = Vec::new();
        let mut needs = Vec::new();
        for task in tasks.iter().skip(from).take(count) {
            let Some(directory) = made(task) else {
                continue;
            };
            needs.extend(self.needs(tasks, &task.wish));
            let (mode, place) = (path::octal(directory.mode), operand(&directory.path));
            match modes.iter_mut().find(|(other, _)| *other == mode) {
                Some((_, places)) => places.push(place),
                None => modes.push((mode, vec![place])),
            }
        }
        for (mode, places) in modes.into_iter().filter(|(_, places)| places.len() > 1) {
            self.step(&needs);
            let words = std::iter::once(mode).chain(places);
            self.script.call("ch_do ch_directories", words)?;
            self.script.text("ch_done\n");
            self.steps.push(Step::Together);
        }
        for place in from..from + count {
            self.task(tasks, place)?;
        }
        self.script.text("ch_those=\n");
        Ok(())
    }
}
