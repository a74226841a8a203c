//! The way to machines: it takes time, and this is where trouble is met.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use cellhost_plan::MachineName;
use cellhost_transport::{
    Answer, Courier, CourierError, DialOutcome, Echo, Fate, Fault, Fleet, Reply, Request, Settled,
    SimulatedMachine, Stage, Trouble as Words,
};
use tokio::time::{Instant, sleep};

use super::{Hand, World, setting};
use crate::mutation::Mutation;
use crate::thing::asked;
use crate::trouble::Trouble;

/// How long a way takes, in milliseconds.
const WAY: (u64, u64) = (1, 40);
/// How long something slow takes.
const SLOW: (u64, u64) = (1_000, 90_000);
/// How long a machine is frozen.
const FREEZE: (u64, u64) = (2_000, 180_000);
/// How long a machine takes to start.
const BOOT: (u64, u64) = (5_000, 60_000);
/// How long a disk is full.
const FULL: (u64, u64) = (100, 60_000);
/// How long a machine may be silent before it counts as lost.
const SILENCE: Duration = Duration::from_secs(30);
/// How long it takes to see that nobody is there.
const NOBODY: Duration = Duration::from_secs(10);

/// Hands out the ways to the machines of a world.
pub struct Wires {
    world: Arc<World>,
    wires: BTreeMap<MachineName, Arc<Wire>>,
}

/// The way to one machine.
struct Wire {
    world: Arc<World>,
    machine: Arc<SimulatedMachine>,
    /// What the machine is to do about the next request.
    next: Arc<Mutex<Fault>>,
    line: tokio::sync::Mutex<()>,
    /// Whether its host takes again what was taken away from it.
    grasps: bool,
}

impl Wires {
    /// New ways to the machines of a world, as a program has that begins.
    pub fn new(world: &Arc<World>, mutation: Option<Mutation>) -> Self {
        let machines = world.fleet.machines();
        let wires = machines.map(|machine| {
            let next = Arc::new(Mutex::new(Fault::None));
            let told = next.clone();
            machine.fault(move |_, _| {
                let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::replace(&mut *told, Fault::None)
            });
            let wire = Wire {
                world: world.clone(),
                machine: machine.clone(),
                next,
                line: tokio::sync::Mutex::default(),
                grasps: mutation == Some(Mutation::LeaseAgain),
            };
            (machine.name().clone(), Arc::new(wire))
        });
        Self {
            world: world.clone(),
            wires: wires.collect(),
        }
    }
}

#[async_trait]
impl Fleet for Wires {
    async fn courier(&self, machine: &MachineName) -> Result<Arc<dyn Courier>, CourierError> {
        let _ = &self.world;
        match self.wires.get(machine) {
            Some(wire) => Ok(wire.clone()),
            None => Err(CourierError::Unreachable {
                machine: machine.clone(),
                stage: Stage::Resolve,
                reason: "no such machine is simulated".to_owned(),
                in_doubt: false,
            }),
        }
    }

    async fn close(&self) {}
}

#[async_trait]
impl Courier for Wire {
    fn is_idle(&self) -> bool {
        self.line.try_lock().is_ok()
    }

    async fn exchange_aloud(
        &self,
        mut request: Request,
        echo: Echo,
    ) -> Result<Reply, CourierError> {
        if let Request::Leased { claim, .. } = &mut request {
            claim.take |= self.grasps;
        }
        let _one = self.line.lock().await;
        let name = self.machine.name();
        let Some(ticket) = self.world.leave(name, &request) else {
            return std::future::pending().await;
        };
        self.way().await;
        if self.world.inner().tape.is_dead() {
            return std::future::pending().await;
        }
        self.world.inner().under_way.remove(&ticket);
        let dial = match &request {
            Request::Dial(dial) => Some(dial.clone()),
            _ => None,
        };
        let changing =
            matches!(asked(&request), Request::Command(command) if !setting::looks(&command.argv));
        let leased = matches!(&request, Request::Leased { .. });
        let (effect, result) = self.arrive(request, echo).await;
        self.way().await;
        if leased && matches!(&result, Ok(reply) if !matches!(reply, Reply::Withheld(_))) {
            self.world.inner().leases.tell(name);
        }
        if let (Some(effect), Ok(Reply::Answer(_))) = (effect, &result)
            && changing
        {
            self.world.answered(effect);
        }
        if let Some(dial) = dial {
            self.world.heard(name, &dial, result.as_ref().ok());
        }
        result
    }

    async fn close(&self) {}
}

impl Wire {
    async fn way(&self) {
        let time = self.world.inner().chance.between(WAY.0, WAY.1);
        sleep(time).await;
    }

    fn between(&self, times: (u64, u64)) -> Duration {
        self.world.inner().chance.between(times.0, times.1)
    }

    fn lost(&self, stage: Stage, reason: &str, in_doubt: bool) -> CourierError {
        CourierError::Unreachable {
            machine: self.machine.name().clone(),
            stage,
            reason: reason.to_owned(),
            in_doubt,
        }
    }

    /// What becomes of a request at its machine.
    async fn arrive(
        &self,
        request: Request,
        echo: Echo,
    ) -> (Option<String>, Result<Reply, CourierError>) {
        self.world.catch_up();
        let name = self.machine.name();
        if self.world.inner().booting.contains_key(name) {
            sleep(NOBODY).await;
            let lost = self.lost(Stage::Connect, "nobody answers", false);
            return (None, Err(lost));
        }
        if let Some(end) = self.frozen() {
            if end - Instant::now() > SILENCE {
                sleep(SILENCE).await;
                let lost = self.lost(Stage::Banner, "it does not answer", false);
                return (None, Err(lost));
            }
            tokio::time::sleep_until(end).await;
            self.world.catch_up();
        }
        let trouble = {
            let mut inner = self.world.inner();
            let trouble = inner.troubles.at(inner.exchanges);
            inner.exchanges += 1;
            if let Some(trouble) = trouble {
                *inner.met.entry(trouble).or_default() += 1;
            }
            trouble
        };
        let effect = self.world.judge(name, &request, trouble);
        let effect = effect.map(|intent| intent.effect);
        self.world.noted(name, &request, trouble, effect.clone());
        let result = match trouble {
            None => self.carry(request, echo, Fault::None).await,
            Some(trouble) => self.suffer(trouble, request, echo).await,
        };
        (effect, result)
    }

    async fn carry(
        &self,
        request: Request,
        echo: Echo,
        fault: Fault,
    ) -> Result<Reply, CourierError> {
        if let Fault::Slow(time) = &fault {
            // What is slow is done at the end of that time.
            if let Request::Command(command) = asked(&request)
                && command.deadline < *time
            {
                sleep(command.deadline).await;
                let deadline_ms = u64::try_from(command.deadline.as_millis()).unwrap_or(u64::MAX);
                return Err(CourierError::Deadline {
                    machine: self.machine.name().clone(),
                    deadline_ms,
                });
            }
            sleep(*time).await;
            if self.world.inner().tape.is_dead() {
                return std::future::pending().await;
            }
        } else {
            *self.next.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        }
        if let Some(reply) = self.unanswered(&request).await {
            return Ok(reply);
        }
        let before = setting::services(&self.machine.state());
        let kept = request.clone();
        let result = self.machine.exchange_aloud(request, echo).await;
        if let Ok(reply) = &result {
            self.world.judge_lease(self.machine.name(), &kept, reply);
        }
        self.world.compare(self.machine.name(), &before, Hand::Ours);
        result
    }

    /// What a dial says whose other end is frozen or off.
    async fn unanswered(&self, request: &Request) -> Option<Reply> {
        let Request::Dial(dial) = request else {
            return None;
        };
        let target = self.world.shape.addresses.get(dial.address.as_str())?;
        let gone = {
            let inner = self.world.inner();
            inner.frozen.contains_key(target) || inner.booting.contains_key(target)
        };
        if !gone {
            return None;
        }
        sleep(dial.deadline).await;
        Some(Reply::Dialed(DialOutcome::Deadline))
    }

    fn frozen(&self) -> Option<Instant> {
        self.world.inner().frozen.get(self.machine.name()).copied()
    }

    async fn suffer(
        &self,
        trouble: Trouble,
        request: Request,
        echo: Echo,
    ) -> Result<Reply, CourierError> {
        let name = self.machine.name();
        match trouble {
            Trouble::Before => {
                let stage = Stage::Effect;
                self.carry(request, echo, Fault::Before(stage)).await
            }
            Trouble::After => self.carry(request, echo, Fault::After).await,
            Trouble::Within => match asked(&request) {
                Request::Settle(tasks) => {
                    let count = self.world.inner().chance.index(tasks.len());
                    self.carry(request, echo, Fault::Within(count)).await
                }
                _ => self.carry(request, echo, Fault::After).await,
            },
            Trouble::Timeout => match asked(&request) {
                Request::Command(command) => {
                    let time = command.deadline + Duration::from_secs(1);
                    self.carry(request, echo, Fault::Slow(time)).await
                }
                Request::Dial(dial) => {
                    sleep(dial.deadline).await;
                    Ok(Reply::Dialed(DialOutcome::Deadline))
                }
                _ => {
                    sleep(SILENCE).await;
                    Err(self.lost(Stage::Effect, "it does not answer", true))
                }
            },
            Trouble::NonZero => match refusal(asked(&request)) {
                Some(refusal) => self.refuse(request, echo, refusal).await,
                None => self.carry(request, echo, Fault::None).await,
            },
            Trouble::Full => {
                let end = Instant::now() + self.between(FULL);
                self.world.inner().full.insert(name.clone(), end);
                self.machine.state().full = true;
                self.carry(request, echo, Fault::None).await
            }
            Trouble::Slow => {
                let time = self.between(SLOW);
                self.carry(request, echo, Fault::Slow(time)).await
            }
            Trouble::Frozen => self.freeze(request).await,
            Trouble::Garbled => {
                let done = self.world.inner().chance.once_in(2);
                if done {
                    self.carry(request, echo, Fault::None).await?;
                }
                let machine = name.clone();
                let reason = "it speaks in tongues".to_owned();
                Err(CourierError::Garbled { machine, reason })
            }
            Trouble::Flap => {
                self.world.inner().quorums().flap();
                self.carry(request, echo, Fault::None).await
            }
            Trouble::Restart => self.restart(request, echo).await,
            Trouble::Unlocked => {
                self.unlock();
                self.carry(request, echo, Fault::None).await
            }
        }
    }

    /// Nothing is done but that the lease is taken, as by a program that begins and then fails.
    async fn refuse(
        &self,
        request: Request,
        echo: Echo,
        refusal: Reply,
    ) -> Result<Reply, CourierError> {
        let Request::Leased { claim, .. } = request else {
            return Ok(refusal);
        };
        let request = Request::Leased {
            claim,
            request: Box::new(Request::Machine),
        };
        match self.carry(request, echo, Fault::None).await? {
            Reply::Withheld(why) => Ok(Reply::Withheld(why)),
            _ => Ok(refusal),
        }
    }

    fn unlock(&self) {
        let mut inner = self.world.inner();
        let inner = &mut *inner;
        let (name, mut state) = (self.machine.name(), self.machine.state());
        inner.leases.unlock(name, &mut state, &mut inner.chance);
    }

    /// The machine stops in the middle of everything; what was on its way is there when it goes on.
    async fn freeze(&self, request: Request) -> Result<Reply, CourierError> {
        let name = self.machine.name();
        let time = self.between(FREEZE);
        {
            let mut inner = self.world.inner();
            inner.frozen.insert(name.clone(), Instant::now() + time);
            inner.quorums().lost(name);
        }
        let in_doubt = changes(&request);
        let arrives = self.world.inner().chance.once_in(2);
        if arrives {
            let kept = (name.clone(), request);
            self.world.inner().late.push(kept);
        }
        sleep(SILENCE).await;
        Err(self.lost(Stage::Effect, "it does not answer", in_doubt))
    }

    async fn restart(&self, request: Request, echo: Echo) -> Result<Reply, CourierError> {
        let name = self.machine.name();
        let in_doubt = changes(&request);
        let done = self.world.inner().chance.once_in(2);
        if done {
            self.carry(request, echo, Fault::None).await?;
        }
        let end = Instant::now() + self.between(BOOT);
        {
            let mut inner = self.world.inner();
            inner.booting.insert(name.clone(), end);
            inner.quorums().lost(name);
        }
        self.way().await;
        Err(self.lost(Stage::Effect, "the connection was lost", in_doubt))
    }
}

/// What a machine answers that could do nothing. What only looks tells the truth, or nothing at
/// all.
fn refusal(request: &Request) -> Option<Reply> {
    match request {
        Request::Command(command) if !setting::looks(&command.argv) => {
            Some(Reply::Answer(Answer::from(1)))
        }
        Request::Settle(tasks) => Some(refused(tasks.len())),
        _ => None,
    }
}

/// The machine could do nothing of a list.
fn refused(count: usize) -> Reply {
    let first = Fate::Failed(Words::new("E: simulated trouble"));
    let rest = (1..count).map(|_| Fate::Stopped(0));
    let fates = std::iter::once(first).chain(rest).collect();
    Reply::Settled(Settled { fates })
}

fn changes(request: &Request) -> bool {
    matches!(asked(request), Request::Settle(_) | Request::Command(_))
}

/// The kind of a request, in a word.
pub(super) fn verb(request: &Request) -> &'static str {
    match request {
        Request::Look(_) => "look",
        Request::Settle(_) => "settle",
        Request::Command(_) => "command",
        Request::Read { .. } => "read",
        Request::Status { .. } => "status",
        Request::Entries { .. } => "entries",
        Request::Dial(_) => "dial",
        Request::Machine => "machine",
        Request::Lease(_) => "lease",
        Request::Leased { request, .. } | Request::Within { request, .. } => verb(request),
    }
}
