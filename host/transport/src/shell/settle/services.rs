//! Services that follow each other are started one after the other, and looked at together once all of
//! them were: what falls right after its start has more time to, and one program tells it of all.

use super::{Settling, Step, apart};
use crate::Task;
use crate::resources::Wish;
use crate::shell::Refusal;

/// How many tasks from the first are services that can be looked at together.
pub(super) fn together(tasks: &[Task]) -> usize {
    apart(tasks, |task| starting(task).is_some())
}

fn starting(task: &Task) -> Option<String> {
    match &task.wish {
        Wish::Service(service) => service.starting(),
        _ => None,
    }
}

impl Settling {
    /// Starts these many services, from a place on.
    pub(super) fn services(
        &mut self,
        tasks: &[Task],
        from: usize,
        count: usize,
    ) -> Result<(), Refusal> {
        let mut begun = Vec::with_capacity(count);
        for (place, task) in tasks.iter().enumerate().skip(from).take(count) {
            let Some(unit) = starting(task) else {
                continue;
            };
            let needs = self.needs(tasks, &task.wish);
            let step = self.step(&needs);
            // What it took up is noted at once: it did so even if it falls, and whoever starts it then
            // lets it do so again.
            task.wish.settle(&task.facts, self)?;
            self.script.text("ch_done\n");
            self.steps.push(Step::First { hash: None });
            begun.push((place, unit, step));
        }
        let look = self.step(&[]);
        let units = begun.iter().map(|(_, unit, _)| unit);
        self.script.call("ch_do ch_look_back", units)?;
        self.script.text("ch_done\n");
        self.steps.push(Step::Joint);
        for (place, unit, step) in begun {
            self.step(&[step, look]);
            self.script.call("ch_do ch_stands", [unit])?;
            self.script.text("ch_done\n");
            self.steps.push(Step::Last { place, first: step });
        }
        Ok(())
    }
}
