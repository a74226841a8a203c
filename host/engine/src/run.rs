//! A run: phases, modules, turns.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cellhost_effects::layers::{GRACE, Stop};
use cellhost_effects::{Effects, Hook};
use cellhost_plan::{InstanceName, PhaseName};
use tokio::task::JoinSet;

use crate::event::{Event, Events};
use crate::ground::Ground;
use crate::order::Blocked;
use crate::outputs::{self, Outputs};
use crate::passage::{Passage, Passed};
use crate::turn::Played;
use crate::{Deployment, Placed, Status, Summary, barrier};

/// How long turns may still compute once all effects were ended.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// Takes a deployment through its phases over a stack of effects.
///
/// Once it is told to stop, nothing new begins. The effects have to listen to the same word (see
/// [`cellhost_effects::layers::Halt`]), so that turns under way end by themselves.
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
        ground: Ground::new(&deployment.plan, effects, events.clone()),
    };
    let mut summary = Summary::default();
    let mut outputs = deployment.outputs.clone();
    let mut lost: Option<String> = None;
    for phase in &deployment.plan.phases {
        let mut blocked = Blocked::of_phase(&deployment.modules, phase);
        if blocked.is_empty() {
            continue;
        }
        if lost.is_none() && !stop.is_cancelled() && summary.barrier.is_none() {
            lost = run.barrier(phase, &mut outputs, &mut summary).await;
        }
        if let Some(why) = &lost {
            run.skip(blocked.drain(), why, &mut summary);
            continue;
        }
        if let Some(why) = run.halted(&stop) {
            run.skip(blocked.drain(), &why, &mut summary);
            continue;
        }
        let _ = events.send(Event::Phase(phase.clone()));
        let through = run
            .phase(&mut blocked, &mut outputs, &mut summary, &stop)
            .await;
        lost = (!through).then(|| format!("phase {phase} did not finish"));
    }
    summary.interrupted = stop.is_cancelled();
    summary.took = begun.elapsed();
    let _ = events.send(Event::Ended(summary.clone()));
    summary
}

/// Comes so long after the word to stop.
async fn after(stop: Stop, patience: Duration) {
    stop.cancelled().await;
    tokio::time::sleep(patience).await;
}

/// What all modules of a run share.
#[derive(Clone)]
struct Run {
    deployment: Arc<Deployment>,
    ground: Ground,
}

impl Run {
    /// Waits for the ensemble that a phase counts on, where it does, and gives everything behind
    /// the list that was proven. Says why the phase cannot begin, where it cannot.
    async fn barrier(
        &self,
        phase: &PhaseName,
        outputs: &mut Outputs,
        summary: &mut Summary,
    ) -> Option<String> {
        let ensemble = self.deployment.ensemble_before(phase)?;
        let waited = barrier::wait(&self.deployment, ensemble, outputs, &self.ground.stage).await;
        let lost = match &waited.row.status {
            Status::Skipped(why) => Some(why.clone()),
            status => (!status.is_good()).then(|| "the barrier did not hold".to_owned()),
        };
        summary.rows.push(waited.row);
        if let Some(evidence) = waited.evidence {
            let key = (ensemble.name.to_string(), barrier::OUTPUT.to_owned());
            outputs.insert(key, evidence.list.clone());
            summary.barrier = Some(evidence);
        }
        lost
    }

    /// Takes the modules of a phase through and tells whether all of them came through.
    async fn phase(
        &self,
        blocked: &mut Blocked,
        outputs: &mut Outputs,
        summary: &mut Summary,
        stop: &Stop,
    ) -> bool {
        let mut left = blocked.len();
        let mut modules: JoinSet<Passed> = JoinSet::new();
        let mut under_way: Vec<InstanceName> = Vec::new();
        let patience = after(stop.clone(), GRACE + LAST_WORDS);
        tokio::pin!(patience);
        loop {
            let ready = match self.halted(stop) {
                Some(_) => Vec::new(),
                None => blocked.ready(),
            };
            for name in ready {
                let Some(placed) = self.placed(&name) else {
                    continue;
                };
                under_way.push(name);
                let passage = Passage {
                    ground: self.ground.clone(),
                    placed: Arc::new(placed.clone()),
                    view: placed.view(&self.deployment.plan, outputs),
                };
                modules.spawn(passage.pass());
            }
            let ended = tokio::select! {
                biased;
                ended = modules.join_next() => ended,
                () = &mut patience => {
                    modules.shutdown().await;
                    under_way.extend(blocked.drain());
                    self.skip(under_way, "interrupted", summary);
                    return false;
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
            left -= usize::from(self.conclude(ended, blocked, outputs, summary));
        }
        if let Some(why) = self.halted(stop) {
            self.skip(blocked.drain(), &why, summary);
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
        left == 0
    }

    /// Why nothing new begins, where nothing does.
    fn halted(&self, stop: &Stop) -> Option<String> {
        let interrupted = stop.is_cancelled().then(|| "interrupted".to_owned());
        interrupted.or_else(|| self.ground.budget.exceeded())
    }

    /// Takes over what a module leaves, and tells whether those that wait for it may begin.
    fn conclude(
        &self,
        mut ended: Passed,
        blocked: &mut Blocked,
        outputs: &mut Outputs,
        summary: &mut Summary,
    ) -> bool {
        if ended.through {
            let published = std::mem::take(&mut ended.published);
            match outputs::settle(&self.deployment, outputs, &ended.module, published) {
                Ok(settled) => outputs.extend(settled),
                Err(why) => {
                    ended.through = false;
                    let row = Played::failed(&ended.module, Hook::Outputs, &why).row;
                    ended.rows.push(row);
                }
            }
        }
        let worst = ended
            .rows
            .iter()
            .map(|row| row.status.clone())
            .max()
            .unwrap_or(Status::Unchanged);
        let _ = self.ground.stage.events.send(Event::ModuleEnded {
            module: ended.module.clone(),
            status: worst,
            took: ended.took,
        });
        summary.rows.extend(ended.rows);
        if ended.through {
            blocked.release(&ended.module);
        } else {
            let why = format!("module `{}` did not finish", ended.module);
            self.skip(blocked.abandon(&ended.module), &why, summary);
        }
        ended.through
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
            let _ = self.ground.stage.events.send(Event::ModuleEnded {
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
