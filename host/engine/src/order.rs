//! Which modules wait for which.

use std::collections::{BTreeMap, BTreeSet};

use cellhost_plan::{InstanceName, PhaseName, Phases};

use crate::Placed;

/// All modules in an order in which each comes behind those that it waits for. What waits in a
/// circle is left out.
pub(crate) fn sequence(phases: &Phases, placed: &[Placed]) -> Vec<InstanceName> {
    let mut sequence = Vec::new();
    for phase in phases {
        let mut blocked = Blocked::of_phase(placed, phase);
        loop {
            let ready = blocked.ready();
            if ready.is_empty() {
                break;
            }
            for name in &ready {
                blocked.release(name);
            }
            sequence.extend(ready);
        }
    }
    sequence
}

/// The modules that have not begun, and what each still waits for.
#[derive(Debug)]
pub struct Blocked {
    waiting: BTreeMap<InstanceName, BTreeSet<InstanceName>>,
}

impl Blocked {
    /// The modules of one phase. Modules of other phases are waited for by the phases themselves.
    pub fn of_phase(placed: &[Placed], phase: &PhaseName) -> Self {
        let here: BTreeSet<&InstanceName> = placed
            .iter()
            .filter(|module| module.phase == *phase)
            .map(|module| &module.usage.name)
            .collect();
        let waiting = placed
            .iter()
            .filter(|module| module.phase == *phase)
            .map(|module| {
                let after = module
                    .after
                    .iter()
                    .filter(|name| here.contains(name))
                    .cloned();
                (module.usage.name.clone(), after.collect())
            })
            .collect();
        Self { waiting }
    }

    /// Whether no module is left.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many modules are left.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Takes out the modules that wait for nothing any more.
    pub fn ready(&mut self) -> Vec<InstanceName> {
        let ready: Vec<InstanceName> = self
            .waiting
            .iter()
            .filter(|(_, after)| after.is_empty())
            .map(|(name, _)| name.clone())
            .collect();
        for name in &ready {
            self.waiting.remove(name);
        }
        ready
    }

    /// Notes that a module is through.
    pub fn release(&mut self, done: &InstanceName) {
        for after in self.waiting.values_mut() {
            after.remove(done);
        }
    }

    /// Takes out the modules that waited for one that failed, directly or through others.
    pub fn abandon(&mut self, failed: &InstanceName) -> Vec<InstanceName> {
        let mut lost = vec![failed.clone()];
        let mut abandoned = Vec::new();
        while let Some(cause) = lost.pop() {
            let hit: Vec<InstanceName> = self
                .waiting
                .iter()
                .filter(|(_, after)| after.contains(&cause))
                .map(|(name, _)| name.clone())
                .collect();
            for name in hit {
                self.waiting.remove(&name);
                lost.push(name.clone());
                abandoned.push(name);
            }
        }
        abandoned
    }

    /// Takes out all that are left.
    pub fn drain(&mut self) -> Vec<InstanceName> {
        std::mem::take(&mut self.waiting).into_keys().collect()
    }
}
