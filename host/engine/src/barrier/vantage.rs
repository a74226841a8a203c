//! Where an ensemble is looked at from.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cellhost_effects::{Act, Certainty, Dial, EffectError, Found, Rights};
use cellhost_plan::{MachineName, Server};
use futures_util::future::join_all;

use super::answer::{Answer, LONGEST, Mode, QUESTION};
use super::{Ensemble, Round};
use crate::Deployment;

/// How long a server may take to answer. One that serves answers in milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many machines each server is asked from in one round, where the first cannot tell.
const ATTEMPTS: usize = 3;
/// How many machines of each module are looked from.
const OF_EACH: usize = 3;

/// The machines that servers are asked from: those that will use the ensemble, then its own.
pub(super) struct Vantages {
    machines: Vec<MachineName>,
    /// Those that could not be reached. Each costs a round the time that it takes to notice.
    lost: BTreeSet<MachineName>,
    /// How long it takes to notice.
    connecting: Duration,
}

/// What came of asking one server.
pub(super) struct Asked {
    pub(super) answer: Answer,
    pub(super) from: Option<MachineName>,
    pub(super) certainty: Certainty,
}

impl Vantages {
    pub(super) fn of(deployment: &Deployment, ensemble: &Ensemble) -> Self {
        let plan = &deployment.plan;
        let mut machines = plan.barrier.seen_from.clone();
        if machines.is_empty() {
            let behind: Vec<_> = deployment
                .modules
                .iter()
                .filter(|placed| plan.phases.is_behind_barrier(&placed.phase))
                .collect();
            for turn in 0..OF_EACH {
                let members = behind.iter().filter_map(|placed| placed.members.get(turn));
                machines.extend(members.map(|member| member.name.clone()));
            }
            machines.extend(ensemble.machines(deployment));
            // An ensemble that was there before, and nobody who uses it.
            machines.extend(plan.machines.first().map(|machine| machine.name.clone()));
        }
        let mut known = BTreeSet::new();
        machines.retain(|machine| known.insert(machine.clone()));
        let lost = BTreeSet::new();
        Self {
            machines,
            lost,
            connecting: plan.ssh.connect_timeout,
        }
    }

    /// What a round may do: nothing but to ask from these machines.
    pub(super) fn rights(&self) -> Rights {
        Rights {
            machines: self.machines.iter().cloned().collect(),
            ..Rights::default()
        }
    }

    /// The first machine; a plan with modules has one.
    pub(super) fn first(&self) -> Option<MachineName> {
        self.machines.first().cloned()
    }

    /// The place of what comes after all questions of a round.
    pub(super) fn after(servers: usize) -> u32 {
        u32::try_from(servers * ATTEMPTS).unwrap_or(u32::MAX - 2)
    }

    /// Asks every server once, each from another machine as far as there are enough, so that those
    /// that hang do not wait for each other; and from the next one where a machine cannot tell.
    /// Also says how long it waited for answers that did not come.
    pub(super) async fn ask(
        &mut self,
        round: &Round,
        servers: &[Server],
    ) -> Result<(Vec<Asked>, Duration), EffectError> {
        let mut waited = Duration::ZERO;
        if self.lost.len() == self.machines.len() {
            self.lost.clear();
        }
        let mut asked: Vec<Asked> = servers.iter().map(|_| unasked()).collect();
        for attempt in 0..ATTEMPTS {
            let left = self.machines.iter();
            let left: Vec<&MachineName> = left.filter(|one| !self.lost.contains(*one)).collect();
            if attempt > 0 && left.len() <= attempt && self.lost.is_empty() {
                break;
            }
            let mut lanes: BTreeMap<&MachineName, Vec<usize>> = BTreeMap::new();
            for (index, one) in asked.iter().enumerate() {
                let at = (index + attempt) % left.len().max(1);
                if let (Answer::Unasked(_), Some(machine)) = (&one.answer, left.get(at)) {
                    lanes.entry(machine).or_default().push(index);
                }
            }
            if lanes.is_empty() {
                break;
            }
            let lanes = lanes
                .into_iter()
                .map(|(machine, indices)| lane(round, servers, machine.clone(), indices, attempt));
            let mut longest = Duration::ZERO;
            for lane in join_all(lanes).await {
                let lane = lane?;
                longest = longest.max(self.cost(&lane));
                for (index, one) in lane.asked {
                    if let Some(slot) = asked.get_mut(index) {
                        *slot = one;
                    }
                }
                self.lost.extend(lane.lost);
            }
            waited += longest;
        }
        Ok((asked, waited))
    }

    /// How long a machine waited for answers that did not come, or was waited for itself.
    fn cost(&self, lane: &Lane) -> Duration {
        let silent = |(_, asked): &&(usize, Asked)| asked.answer == Answer::Silent;
        let silent = u32::try_from(lane.asked.iter().filter(silent).count()).unwrap_or(u32::MAX);
        let lost = lane
            .lost
            .as_ref()
            .map_or(Duration::ZERO, |_| self.connecting);
        PATIENCE.saturating_mul(silent) + lost
    }
}

/// What one machine told.
struct Lane {
    asked: Vec<(usize, Asked)>,
    /// The machine, where it could not be reached.
    lost: Option<MachineName>,
}

/// Asks some servers from one machine, one after the other.
async fn lane(
    round: &Round,
    servers: &[Server],
    machine: MachineName,
    indices: Vec<usize>,
    attempt: usize,
) -> Result<Lane, EffectError> {
    let mut lane = Lane {
        asked: Vec::new(),
        lost: None,
    };
    for index in indices {
        let Some(server) = servers.get(index) else {
            continue;
        };
        let sequence = u32::try_from(attempt * servers.len() + index).unwrap_or(u32::MAX);
        let act = question(server, index, servers.len());
        let (answer, certainty) = match round.perform_at(machine.clone(), sequence, act).await {
            Ok(outcome) => match outcome.found {
                Found::Dialed(bytes) => (Answer::read(&bytes), outcome.certainty),
                _ => (
                    Answer::Odd("something else than bytes".to_owned()),
                    outcome.certainty,
                ),
            },
            Err(EffectError::PortClosed) => (Answer::Refused, Certainty::Exact),
            Err(EffectError::Deadline { .. }) => (Answer::Silent, Certainty::Exact),
            Err(EffectError::Unreachable { reason, .. }) => {
                lane.lost = Some(machine.clone());
                (Answer::Unasked(reason), Certainty::Exact)
            }
            Err(EffectError::Other { reason }) => (Answer::Unasked(reason), Certainty::Exact),
            // The operator, a rule, a record that does not fit: none of them gets better by asking.
            Err(error) => return Err(error),
        };
        let from = Some(machine.clone());
        lane.asked.push((
            index,
            Asked {
                answer,
                from,
                certainty,
            },
        ));
        if lane.lost.is_some() {
            break;
        }
    }
    Ok(lane)
}

/// The question, and what a dry run assumes of an ensemble that is not there yet.
fn question(server: &Server, index: usize, servers: usize) -> Act {
    let mode = match (servers, index) {
        (1, _) => Mode::Standalone,
        (_, 0) => Mode::Leader,
        _ => Mode::Follower,
    };
    Act::Dial {
        dial: Dial {
            address: server.host.clone(),
            port: server.port,
            send: QUESTION.to_vec(),
            limit: LONGEST,
            deadline: PATIENCE,
        },
        assumed: Some(Answer::assumed(mode)),
    }
}

fn unasked() -> Asked {
    Asked {
        answer: Answer::Unasked("no machine to ask it from can be reached".to_owned()),
        from: None,
        certainty: Certainty::Exact,
    }
}
