//! A removal: modules taken off their machines, those first that others do not need.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cellhost_effects::{Effects, Hook};
use cellhost_plan::{InstanceName, MachineName};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::event::{Event, Events};
use crate::order::sequence;
use crate::turn::{Played, Stage};
use crate::{Deployment, Placed, Row, Status, Stop, Summary};

/// What is to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The modules, in the order in which they go.
    modules: Vec<InstanceName>,
    /// Whether their data goes too.
    purge: bool,
}

/// Why something cannot be removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemovalError {
    /// The plan has no such module.
    #[error("the plan has no module `{module}`; it has {known}")]
    Unknown {
        /// The name.
        module: InstanceName,
        /// The names there are.
        known: String,
    },
    /// Another module needs it and is to stay.
    #[error("module `{by}` needs `{module}` and is to stay")]
    Needed {
        /// What was to be removed.
        module: InstanceName,
        /// Who needs it.
        by: InstanceName,
    },
}

impl Removal {
    /// A removal of these modules, or of all where none is named. Nothing that another module
    /// needs is removed unless that goes too.
    pub fn of(
        deployment: &Deployment,
        chosen: &BTreeSet<InstanceName>,
        purge: bool,
    ) -> Result<Self, RemovalError> {
        let mut modules = sequence(&deployment.plan.phases, &deployment.modules);
        modules.reverse();
        if let Some(module) = chosen.iter().find(|name| !modules.contains(name)) {
            let known = modules.iter().map(|name| format!("`{name}`"));
            let known = known.collect::<Vec<_>>().join(", ");
            let module = module.clone();
            return Err(RemovalError::Unknown { module, known });
        }
        if !chosen.is_empty() {
            modules.retain(|name| chosen.contains(name));
        }
        for placed in &deployment.modules {
            let by = &placed.usage.name;
            if modules.contains(by) {
                continue;
            }
            if let Some(module) = placed.after.iter().find(|name| modules.contains(name)) {
                let (module, by) = (module.clone(), by.clone());
                return Err(RemovalError::Needed { module, by });
            }
        }
        Ok(Self { modules, purge })
    }

    /// The modules, in the order in which they go.
    pub fn modules(&self) -> &[InstanceName] {
        &self.modules
    }

    /// Whether their data goes too.
    pub fn purges(&self) -> bool {
        self.purge
    }
}

/// Calls `remove` for each machine of each module: one module after the other, all machines of a
/// module at once, within `parallel`.
///
/// What a module that could not be removed everywhere needs stays, and so does what that needs.
pub async fn remove(
    deployment: &Deployment,
    removal: &Removal,
    effects: Arc<dyn Effects>,
    events: Events,
    stop: Stop,
) -> Summary {
    let begun = Instant::now();
    let work = Work {
        deployment,
        stage: Stage::new(effects, events.clone()).purging(removal.purge),
        parallel: Arc::new(Semaphore::new(deployment.plan.ssh.at_once())),
    };
    let mut summary = Summary::default();
    let mut kept: BTreeSet<InstanceName> = BTreeSet::new();
    let mut phase = None;
    for name in &removal.modules {
        let placed = deployment.modules.iter().find(|it| it.usage.name == *name);
        let Some(placed) = placed else { continue };
        let needed_by = deployment
            .modules
            .iter()
            .find(|other| kept.contains(&other.usage.name) && other.after.contains(name));
        let rows = if stop.is_cancelled() {
            work.skip(name, "interrupted")
        } else if let Some(other) = needed_by {
            work.skip(
                name,
                &format!("module `{}` is still there", other.usage.name),
            )
        } else {
            if phase.as_ref() != Some(&placed.phase) {
                phase = Some(placed.phase.clone());
                let _ = events.send(Event::Phase(placed.phase.clone()));
            }
            work.module(placed).await
        };
        if !rows.iter().all(|row| row.status.is_good()) {
            kept.insert(name.clone());
        }
        summary.rows.extend(rows);
    }
    summary.interrupted = stop.is_cancelled();
    summary.took = begun.elapsed();
    let _ = events.send(Event::Ended(summary.clone()));
    summary
}

/// What all modules of a removal share.
struct Work<'a> {
    deployment: &'a Deployment,
    stage: Stage,
    parallel: Arc<Semaphore>,
}

impl Work<'_> {
    async fn module(&self, placed: &Placed) -> Vec<Row> {
        let begun = Instant::now();
        let name = &placed.usage.name;
        let machines: Vec<MachineName> = placed
            .members
            .iter()
            .chain(&placed.leaving)
            .map(|member| member.name.clone())
            .collect();
        let _ = self.stage.events.send(Event::Module {
            module: name.clone(),
            version: placed.module.embedded().manifest.version.clone(),
            machines: machines.len(),
        });
        let view = placed.view(&self.deployment.plan, &self.deployment.outputs);
        let mut turns = JoinSet::new();
        for machine in machines {
            let (stage, placed, view) = (self.stage.clone(), placed.clone(), view.clone());
            let parallel = self.parallel.clone();
            turns.spawn(async move {
                // Closed never; a failed permit would only mean one turn more at once.
                let _permit = parallel.acquire_owned().await.ok();
                stage.play(&placed, view, Hook::Remove, Some(machine)).await
            });
        }
        let mut rows = Vec::new();
        while let Some(ended) = turns.join_next().await {
            // A panic is a bug of ours; it must not pass for success.
            let lost = |panic| Played::lost(name, Hook::Remove, &panic);
            rows.push(ended.unwrap_or_else(lost).row);
        }
        let worst = rows.iter().map(|row| row.status.clone()).max();
        let status = worst.unwrap_or(Status::Unchanged);
        self.ended(name, status, begun.elapsed());
        rows
    }

    /// A row for a module that stays. It is never passed over in silence.
    fn skip(&self, name: &InstanceName, why: &str) -> Vec<Row> {
        self.ended(name, Status::Skipped(why.to_owned()), Duration::ZERO);
        vec![Played::skipped(name, Hook::Remove, why).row]
    }

    fn ended(&self, name: &InstanceName, status: Status, took: Duration) {
        let _ = self.stage.events.send(Event::ModuleEnded {
            module: name.clone(),
            status,
            took,
        });
    }
}
