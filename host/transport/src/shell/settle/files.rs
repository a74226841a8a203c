//! Files that follow each other are written in one go: all of them beside their places, then made to
//! last at once, then put in their places.

use super::nests::Nests;
use super::{Settling, Step, apart};
use crate::Task;
use crate::resources::Wish;
use crate::resources::file::File;
use crate::resources::placing::Beside;
use crate::shell::{Refusal, operand};

/// How many tasks from the first are files that can be written in one go.
pub(super) fn together(tasks: &[Task]) -> usize {
    apart(tasks, |task| written(task).is_some())
}

fn written(task: &Task) -> Option<&File> {
    match &task.wish {
        Wish::File(file) if file.is_written(&task.facts) => Some(file),
        _ => None,
    }
}

impl Settling {
    /// Writes these many files, from a place on.
    pub(super) fn files(
        &mut self,
        tasks: &[Task],
        from: usize,
        count: usize,
    ) -> Result<(), Refusal> {
        let mut files = Vec::with_capacity(count);
        let mut together = Vec::new();
        for (place, task) in tasks.iter().enumerate().skip(from).take(count) {
            if let Some(file) = written(task) {
                let at = operand(&file.path);
                let name = self.beside(&at);
                if file.goes_with_others(&task.facts) {
                    together.push(at.clone());
                }
                files.push((place, task, file, at, name));
            }
        }
        let nests = Nests::of(&together, self);
        // From the first one on: the way to the machine may be lost at any of them.
        let names = files.iter().map(|(.., name)| name.clone()).collect();
        self.sweeping(&[("rm -f --", names), ("ch_unnest", nests.away())])?;
        nests.build(self)?;
        let mut prepared = Vec::with_capacity(count);
        for (place, task, file, at, name) in files {
            let nested = nests
                .place(&at)
                .filter(|_| file.goes_with_others(&task.facts));
            let needs = self.needs(tasks, &task.wish);
            let step = self.step(&needs);
            let hash = self.show(task)?;
            let placing = file.prepare(Beside { name, nested }, &task.facts, self)?;
            self.script.text("ch_done quietly\n");
            self.steps.push(Step::First { hash });
            prepared.push((place, step, file, placing));
        }
        let lasting = self.step(&[]);
        let mut names: Vec<String> = Vec::new();
        for name in prepared.iter().flat_map(|(.., placing)| placing.lasting()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let looked_at = prepared
            .iter()
            .filter(|(.., placing)| !placing.is_strange());
        let pairs = looked_at.flat_map(|(_, _, file, placing)| {
            let names = placing.beside.names();
            names.flat_map(|name| [&file.hash, name])
        });
        self.script.call("ch_do ch_arrived", pairs)?;
        self.script.call("ch_do ch_last", names)?;
        self.script.text("ch_done\n");
        self.steps.push(Step::Joint);
        nests.empty(lasting, self)?;
        for (place, step, file, placing) in prepared {
            self.step(&[step, lasting]);
            if let Some(task) = tasks.get(place) {
                file.put(&placing, &task.facts, self)?;
            }
            self.script.text("ch_done quietly\n");
            self.steps.push(Step::Last { place, first: step });
        }
        // What could not be put in its place goes.
        self.script.text("[ -z \"$ch_bad\" ] || ch_sweep\n");
        self.script.call("ch_unnest", nests.away())?;
        self.script.text("ch_sweep() { :; }\n");
        Ok(())
    }
}
