//! A run: phases, modules, turns.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cellhost_effects::layers::GRACE;
use cellhost_effects::{Effects, Hook};
use cellhost_plan::{InstanceName, MachineName, Phase};
use cellhost_runtime::{CellView, Member};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::event::{Event, Events};
use crate::order::Blocked;
use crate::turn::{Played, Stage};
use crate::{Deployment, Placed, Row, Status, Summary};

/// Tells a run to stop: nothing new begins. The effects have to be told too (see
/// [`cellhost_effects::layers::Halt`]), so that turns under way end by themselves.
pub type Stop = watch::Receiver<bool>;

/// How long turns may still compute once all effects were ended.
const LAST_WORDS: Duration = Duration::from_secs(10);

type Outputs = BTreeMap<(String, String), String>;

/// Takes a deployment through its phases over a stack of effects.
///
/// A module that fails takes along those that wait for it; others go on. The second phase begins
/// only when all of the first went well.
pub async fn run(
    deployment: &Deployment,
    effects: Arc<dyn Effects>,
    events: Events,
    stop: Stop,
) -> Summary {
    let begun = Instant::now();
    let run = Run {
        deployment: Arc::new(deployment.clone()),
        stage: Stage::new(effects, events.clone()),
        parallel: Arc::new(Semaphore::new(deployment.plan.ssh.at_once())),
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
        run.phase(&mut blocked, &mut outputs, &mut summary, &stop)
            .await;
        let failed = summary.rows.iter().any(|row| !row.status.is_good());
        lost = failed.then_some(phase);
    }
    summary.interrupted = stopped(&stop);
    summary.took = begun.elapsed();
    let _ = events.send(Event::Ended(summary.clone()));
    summary
}

/// Comes so long after the word to stop.
async fn after(mut stop: Stop, patience: Duration) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        // Nobody is left to say it.
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(patience).await;
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
        stop: &Stop,
    ) {
        let mut modules: JoinSet<Ended> = JoinSet::new();
        let mut under_way: Vec<InstanceName> = Vec::new();
        let patience = after(stop.clone(), GRACE + LAST_WORDS);
        tokio::pin!(patience);
        loop {
            let ready = if stopped(stop) {
                Vec::new()
            } else {
                blocked.ready()
            };
            for name in ready {
                let Some(placed) = self.placed(&name) else {
                    continue;
                };
                under_way.push(name);
                let (run, placed, outputs) = (self.clone(), placed.clone(), outputs.clone());
                modules.spawn(async move { run.module(&placed, &outputs).await });
            }
            let ended = tokio::select! {
                ended = modules.join_next() => ended,
                () = &mut patience => {
                    modules.shutdown().await;
                    under_way.extend(blocked.drain());
                    self.skip(under_way, "interrupted", summary);
                    return;
                }
            };
            let Some(ended) = ended else { break };
            let ended = match ended {
                Ok(ended) => ended,
                Err(panic) => {
                    tracing::error!(%panic, "a module's task was lost");
                    continue;
                }
            };
            under_way.retain(|name| *name != ended.module);
            self.conclude(ended, blocked, outputs, summary);
        }
        if stopped(stop) {
            self.skip(blocked.drain(), "interrupted", summary);
        }
        // What neither ended nor was skipped was lost by a bug of ours; it must not pass for good.
        for name in under_way {
            let why = "its task was lost; this is a bug of cellhost";
            summary
                .rows
                .push(Played::failed(&name, Hook::Form, why).row);
        }
        self.skip(
            blocked.drain(),
            "a module that it waits for was lost",
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
        let mut played = self
            .everywhere(placed, &view, Hook::Apply, &placed.members)
            .await;
        if let Some(why) = unfinished(&played) {
            played.push(Played::skipped(&name, Hook::Form, &why));
        } else {
            played.push(
                self.stage
                    .play(placed, view.clone(), Hook::Form, None)
                    .await,
            );
            if unfinished(&played).is_none() {
                let left = self
                    .everywhere(placed, &view, Hook::Remove, &placed.leaving)
                    .await;
                played.extend(left);
            }
        }
        Ended {
            module: name,
            published: played
                .iter_mut()
                .flat_map(|one| std::mem::take(&mut one.published))
                .collect(),
            rows: played.into_iter().map(|one| one.row).collect(),
            took: begun.elapsed(),
        }
    }

    /// Plays a turn on each of these machines, as many at once as the plan allows.
    async fn everywhere(
        &self,
        placed: &Placed,
        view: &Arc<CellView>,
        hook: Hook,
        machines: &[Arc<Member>],
    ) -> Vec<Played> {
        let mut turns = JoinSet::new();
        for member in machines {
            let (run, placed, view) = (self.clone(), placed.clone(), view.clone());
            let machine = member.name.clone();
            turns.spawn(async move {
                // Closed never; a failed permit would only mean one turn more at once.
                let _permit = run.parallel.acquire().await.ok();
                run.stage.play(&placed, view, hook, Some(machine)).await
            });
        }
        let mut played = Vec::new();
        while let Some(ended) = turns.join_next().await {
            // A panic is a bug of ours; it must not pass for success.
            let lost = |panic| Played::lost(&placed.usage.name, hook, &panic);
            played.push(ended.unwrap_or_else(lost));
        }
        played
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
            summary
                .rows
                .push(Played::skipped(&name, Hook::Form, why).row);
        }
    }
}

/// Why a module cannot go on, where it cannot.
fn unfinished(played: &[Played]) -> Option<String> {
    let mut failed: Vec<&str> = played
        .iter()
        .filter(|one| !one.row.status.is_good())
        .map(|one| one.row.machine.as_ref().map_or("form", MachineName::as_str))
        .collect();
    failed.sort_unstable();
    (!failed.is_empty()).then(|| format!("not all members were applied: {}", failed.join(", ")))
}
