//! A run: phases, modules, turns.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cellhost_effects::{Effects, Hook};
use cellhost_plan::{InstanceName, MachineName, Phase};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::event::{Event, Events};
use crate::order::Blocked;
use crate::turn::Stage;
use crate::{Deployment, Placed, Row, Status, Summary};

/// Tells a run to stop. Turns under way are ended; nothing new begins.
pub type Stop = watch::Receiver<bool>;

type Outputs = BTreeMap<(String, String), String>;

/// Takes a deployment through its phases over a stack of effects.
///
/// A module that fails takes along those that wait for it; others go on. The second phase begins
/// only when all of the first went well.
pub async fn run(
    deployment: &Deployment,
    effects: Arc<dyn Effects>,
    events: Events,
    mut stop: Stop,
) -> Summary {
    let begun = Instant::now();
    let run = Run {
        deployment: Arc::new(deployment.clone()),
        stage: Stage {
            effects,
            events: events.clone(),
        },
        parallel: Arc::new(Semaphore::new(deployment.plan.ssh.parallel.max(1))),
    };
    let mut summary = Summary::default();
    let mut outputs = deployment.outputs.clone();
    let mut lost: Option<Phase> = None;
    for phase in Phase::ALL {
        let mut blocked = Blocked::of_phase(&deployment.modules, phase);
        if blocked.is_empty() {
            continue;
        }
        if let Some(before) = lost {
            let why = format!("phase {before} did not finish");
            run.skip(blocked.drain(), &why, &mut summary);
            continue;
        }
        if stopped(&stop) {
            run.skip(blocked.drain(), "interrupted", &mut summary);
            continue;
        }
        let _ = events.send(Event::Phase(phase));
        run.phase(&mut blocked, &mut outputs, &mut summary, &mut stop)
            .await;
        let failed = summary.rows.iter().any(|row| !row.status.is_good());
        lost = failed.then_some(phase);
    }
    summary.interrupted = stopped(&stop);
    summary.took = begun.elapsed();
    let _ = events.send(Event::Ended(summary.clone()));
    summary
}

fn stopped(stop: &Stop) -> bool {
    *stop.borrow()
}

/// What all modules of a run share.
#[derive(Clone)]
struct Run {
    deployment: Arc<Deployment>,
    stage: Stage,
    parallel: Arc<Semaphore>,
}

/// What came of one module.
struct Ended {
    module: InstanceName,
    rows: Vec<Row>,
    published: Vec<(String, String)>,
    took: Duration,
}

impl Run {
    async fn phase(
        &self,
        blocked: &mut Blocked,
        outputs: &mut Outputs,
        summary: &mut Summary,
        stop: &mut Stop,
    ) {
        let mut modules: JoinSet<Ended> = JoinSet::new();
        let mut under_way: Vec<InstanceName> = Vec::new();
        loop {
            for name in blocked.ready() {
                let Some(placed) = self.placed(&name) else {
                    continue;
                };
                under_way.push(name);
                let (run, placed, outputs) = (self.clone(), placed.clone(), outputs.clone());
                modules.spawn(async move { run.module(&placed, &outputs).await });
            }
            let ended = tokio::select! {
                ended = modules.join_next() => ended,
                _ = stop.changed() => {
                    modules.shutdown().await;
                    under_way.extend(blocked.drain());
                    self.skip(under_way, "interrupted", summary);
                    return;
                }
            };
            let Some(ended) = ended else { break };
            // A panic inside a module's task is a bug of ours; it must not pass for success.
            let ended = match ended {
                Ok(ended) => ended,
                Err(panic) => {
                    tracing::error!(%panic, "a module's task was lost");
                    summary.interrupted = true;
                    continue;
                }
            };
            under_way.retain(|name| *name != ended.module);
            self.conclude(ended, blocked, outputs, summary);
        }
        // Only a cycle through what manifests require can be left here.
        self.skip(
            blocked.drain(),
            "it waits for a module that waits for it",
            summary,
        );
    }

    fn conclude(
        &self,
        ended: Ended,
        blocked: &mut Blocked,
        outputs: &mut Outputs,
        summary: &mut Summary,
    ) {
        let worst = ended
            .rows
            .iter()
            .map(|row| row.status.clone())
            .max()
            .unwrap_or(Status::Unchanged);
        let good = worst.is_good();
        let _ = self.stage.events.send(Event::ModuleEnded {
            module: ended.module.clone(),
            status: worst,
            took: ended.took,
        });
        summary.rows.extend(ended.rows);
        if good {
            let name = ended.module.to_string();
            let published = ended.published.into_iter();
            outputs.extend(published.map(|(key, value)| ((name.clone(), key), value)));
            blocked.release(&ended.module);
        } else {
            let why = format!("module `{}` did not finish", ended.module);
            self.skip(blocked.abandon(&ended.module), &why, summary);
        }
    }

    async fn module(&self, placed: &Placed, outputs: &Outputs) -> Ended {
        let begun = Instant::now();
        let name = placed.usage.name.clone();
        let _ = self.stage.events.send(Event::Module {
            module: name.clone(),
            version: placed.module.embedded().manifest.version.clone(),
            machines: placed.members.len(),
        });
        let view = placed.view(&self.deployment.plan, outputs);
        let mut turns = JoinSet::new();
        for member in &placed.members {
            let (run, placed, view, machine) = (
                self.clone(),
                placed.clone(),
                view.clone(),
                member.name.clone(),
            );
            turns.spawn(async move {
                // Closed never; a failed permit would only mean one turn more at once.
                let _permit = run.parallel.acquire().await.ok();
                run.stage.play(&placed, view, Some(machine)).await
            });
        }
        let mut rows = Vec::new();
        let mut published = Vec::new();
        while let Some(played) = turns.join_next().await {
            match played {
                Ok(played) => {
                    rows.push(played.row);
                    published.extend(played.published);
                }
                Err(panic) => rows.push(lost(&name, &panic.to_string())),
            }
        }
        let failed: Vec<&MachineName> = rows
            .iter()
            .filter(|row| !row.status.is_good())
            .filter_map(|row| row.machine.as_ref())
            .collect();
        if failed.is_empty() && rows.iter().all(|row| row.status.is_good()) {
            let played = self.stage.play(placed, view, None).await;
            rows.push(played.row);
            published.extend(played.published);
        } else {
            let names: Vec<&str> = failed.iter().map(|name| name.as_str()).collect();
            let why = format!("not all members were applied: {}", names.join(", "));
            rows.push(skipped(&name, &why));
        }
        Ended {
            module: name,
            rows,
            published,
            took: begun.elapsed(),
        }
    }

    fn placed(&self, name: &InstanceName) -> Option<&Placed> {
        self.deployment
            .modules
            .iter()
            .find(|placed| placed.usage.name == *name)
    }

    /// Rows for modules that do not run. They are never passed over in silence.
    fn skip(&self, names: Vec<InstanceName>, why: &str, summary: &mut Summary) {
        for name in names {
            let status = Status::Skipped(why.to_owned());
            let took = Duration::ZERO;
            let _ = self.stage.events.send(Event::ModuleEnded {
                module: name.clone(),
                status: status.clone(),
                took,
            });
            summary.rows.push(skipped(&name, why));
        }
    }
}

fn skipped(module: &InstanceName, why: &str) -> Row {
    Row {
        module: module.clone(),
        hook: Hook::Form,
        machine: None,
        status: Status::Skipped(why.to_owned()),
        warnings: Vec::new(),
        took: Duration::ZERO,
    }
}

fn lost(module: &InstanceName, why: &str) -> Row {
    Row {
        status: Status::Failed(format!("a turn was lost: {why}")),
        ..skipped(module, "")
    }
}
