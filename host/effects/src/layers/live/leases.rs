//! The leases of one run on its machines.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cellhost_plan::MachineName;
use cellhost_transport::{
    Cause, Claim, CourierError, Fleet, Lease, Owner, Parting, Reply, Request, Tenure, Withheld,
};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::unexpected;
use crate::EffectError;

/// The pause between two signs of life.
const PULSE: Duration = Duration::from_secs(20);
/// How long a machine may take to answer about its lease at the end of a run.
const PARTING: Duration = Duration::from_secs(10);
/// How many are asked at once then: what a machine waits for others is not its fault.
const AT_ONCE: usize = 50;

/// The leases of one run. They are taken with the first change of each machine, kept alive while
/// [`Leases::keep`] is polled, and given back by [`Leases::release`], or when a machine's connection
/// gives way to another's.
pub struct Leases {
    owner: Mutex<Arc<Owner>>,
    machines: Mutex<BTreeMap<MachineName, State>>,
    /// Whose turn it is to change a machine: what of the lease one change learns, the next has to
    /// know.
    queues: Mutex<BTreeMap<MachineName, Arc<tokio::sync::Mutex<()>>>>,
    /// Machines on which nothing of an earlier run is at work.
    met: Mutex<BTreeSet<MachineName>>,
}

/// What is known of a machine's lease.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// It was asked for.
    Asked,
    /// The answer was lost: nobody knows whether it was taken.
    Doubtful,
    /// It was there when last looked at.
    Held,
    /// It was taken away from this run, and who knows who changes the machine now.
    Lost(String),
}

/// A machine's lease as it stands, or why nobody knows.
pub type Standing = (MachineName, Result<Option<Lease>, EffectError>);

impl Leases {
    /// The leases of an owner, who has none so far.
    pub fn new(owner: Owner) -> Self {
        let owner = Mutex::new(Arc::new(owner));
        let machines = Mutex::default();
        Self {
            owner,
            machines,
            queues: Mutex::default(),
            met: Mutex::default(),
        }
    }

    /// Says which run they are for, before the first is taken.
    pub fn serve(&self, run: &str) {
        let mut owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner);
        run.clone_into(&mut Arc::make_mut(&mut owner).run);
    }

    fn owner(&self) -> Arc<Owner> {
        let owner = self.owner.lock();
        owner.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_own(&self, lease: Option<&Lease>) -> bool {
        lease.is_some_and(|lease| lease.token == self.owner().token)
    }

    /// Whether nothing of an earlier run is at work on a machine, as far as is known.
    pub(super) fn knows(&self, machine: &MachineName) -> bool {
        let met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        met.contains(machine)
    }

    /// Nothing of an earlier run is at work on a machine.
    pub(super) fn met(&self, machine: &MachineName) {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        met.insert(machine.clone());
    }

    /// Who inherits from the one that has a lease: this run, where that was an earlier one of its
    /// controller and cell. Whoever only looks has no controller, and inherits from nobody.
    pub(super) fn heir_of(&self, lease: Option<Lease>) -> Option<Arc<Owner>> {
        let own = self.owner();
        let dead = lease?.owner?;
        let is_heir = !own.controller.is_empty()
            && (&dead.controller, &dead.cell) == (&own.controller, &own.cell)
            && dead.token != own.token;
        is_heir.then_some(own)
    }

    /// What has to hold for a change. Refused, with nothing sent, once the lease was lost.
    pub(super) fn claim(&self, machine: &MachineName) -> Result<Claim, EffectError> {
        let mut machines = self.machines();
        let state = machines.entry(machine.clone()).or_insert(State::Asked);
        if let State::Lost(reason) = state {
            return Err(EffectError::Leased {
                reason: reason.clone(),
                cause: None,
            });
        }
        Ok(Claim {
            owner: self.owner(),
            take: matches!(state, State::Asked | State::Doubtful),
        })
    }

    /// A change was carried, so the lease is there.
    pub(super) fn took(&self, machine: &MachineName) {
        let mut machines = self.machines();
        if !matches!(machines.get(machine), Some(State::Lost(_))) {
            machines.insert(machine.clone(), State::Held);
        }
    }

    /// Where changes of a machine wait for each other.
    pub(super) fn queue(&self, machine: &MachineName) -> Arc<tokio::sync::Mutex<()>> {
        let queues = self.queues.lock();
        let mut queues = queues.unwrap_or_else(PoisonError::into_inner);
        queues.entry(machine.clone()).or_default().clone()
    }

    /// Whether a machine's lease, which was held, has been given back since.
    pub(super) fn gave_back(&self, machine: &MachineName) -> bool {
        matches!(self.machines().get(machine), None | Some(State::Doubtful))
    }

    /// Gives the lease of a machine back before its connection gives way to another's: a connection
    /// of its own would be needed for that later. What changes next takes it again.
    pub(super) fn at_parting(self: &Arc<Self>, machine: &MachineName) -> Arc<dyn Parting> {
        Arc::new(Giving {
            leases: self.clone(),
            machine: machine.clone(),
        })
    }

    /// A change may have reached the machine, and nobody heard of it. Another that surely does not,
    /// at the same time, is no reason to forget that.
    pub(super) fn doubted(&self, machine: &MachineName) {
        let mut machines = self.machines();
        if matches!(machines.get(machine), None | Some(State::Asked)) {
            machines.insert(machine.clone(), State::Doubtful);
        }
    }

    /// A change did not reach the machine, or found the lease to be somebody else's.
    pub(super) fn missed(&self, machine: &MachineName) {
        let mut machines = self.machines();
        if machines.get(machine) == Some(&State::Asked) {
            machines.remove(machine);
        }
    }

    /// A change was withheld.
    pub(super) fn withheld(&self, machine: &MachineName, why: &Withheld) -> EffectError {
        let reason = self.words(machine, why);
        if matches!(why, Withheld::Lost(_)) {
            let lost = State::Lost(reason.clone());
            self.machines().insert(machine.clone(), lost);
        } else {
            self.missed(machine);
        }
        let cause = match why {
            Withheld::Unable(words) => Some(Cause::of(words)),
            Withheld::Another(_) | Withheld::Lost(_) | Withheld::AtWork(_) => None,
        };
        EffectError::Leased { reason, cause }
    }

    fn words(&self, machine: &MachineName, why: &Withheld) -> String {
        let whose = |lease: &Option<Box<Lease>>| match lease {
            Some(lease) => format!("to {lease}"),
            None => "to somebody who is gone by now".to_owned(),
        };
        match why {
            Withheld::Another(lease) => format!(
                "machine `{machine}` is leased {}; nothing was changed there. Wait until that run \
                 ends; if it is dead, `cellhost unlock --machine {machine}` takes its lease away",
                whose(lease)
            ),
            Withheld::Lost(Some(lease)) => format!(
                "the lease of this run on machine `{machine}` was taken away, and the machine \
                 leased to {lease}; nothing more is changed there"
            ),
            Withheld::Lost(None) => format!(
                "the lease of this run on machine `{machine}` was taken away; nothing more is \
                 changed there"
            ),
            Withheld::AtWork(_) => format!(
                "an earlier run of cell `{}` from here is dead, but what it began on machine \
                 `{machine}` is still at work; nothing was changed there. Run again when that has \
                 ended",
                self.owner().cell
            ),
            Withheld::Unable(words) => format!(
                "machine `{machine}` cannot keep a lease, and is not changed without one: {words}"
            ),
        }
    }

    /// Gives a sign of life on every machine again and again; never ends. A machine that is under
    /// way with something, or not connected, is not disturbed: each change is such a sign too.
    pub async fn keep(&self, fleet: Arc<dyn Fleet>) {
        loop {
            sleep(PULSE).await;
            let held = self.those(|state| *state == State::Held).into_iter();
            // Not a set: one that is dropped breaks off what is under way, and the connection.
            let asked: Vec<_> = held
                .map(|machine| {
                    let (fleet, owner) = (fleet.clone(), self.owner());
                    tokio::spawn(async move {
                        let stands = idle(fleet.as_ref(), &machine, Tenure::Renew(owner)).await;
                        (machine, stands)
                    })
                })
                .collect();
            for answered in asked {
                let Ok((machine, Some(Ok(stands)))) = answered.await else {
                    continue;
                };
                if !self.is_own(stands.as_ref()) {
                    self.withheld(&machine, &Withheld::Lost(stands.map(Box::new)));
                }
            }
        }
    }

    /// Gives back all leases. Those of machines that do not answer in time stay, and so do those
    /// of machines where something is still at work; why, for each.
    pub async fn release(&self, fleet: Arc<dyn Fleet>) -> Vec<(MachineName, String)> {
        let machines = self.those(|state| !matches!(state, State::Lost(_)));
        let kept = self.give_back(&fleet, machines).await;
        // Two names may lead to one machine: it is given back under that which was last at work.
        let again = kept.into_iter().map(|(machine, _)| machine).collect();
        let kept = self.give_back(&fleet, again).await;
        self.machines().clear();
        kept
    }

    async fn give_back(
        &self,
        fleet: &Arc<dyn Fleet>,
        machines: Vec<MachineName>,
    ) -> Vec<(MachineName, String)> {
        let mut asked = JoinSet::new();
        let places = Arc::new(Semaphore::new(AT_ONCE));
        for machine in machines {
            let (fleet, owner, places) = (fleet.clone(), self.owner(), places.clone());
            asked.spawn(async move {
                // Closed never; a failed permit would only mean one more at once.
                let _place = places.acquire_owned().await.ok();
                let released = ask(fleet.as_ref(), &machine, Tenure::Release(owner));
                let stands = timeout(PARTING, released).await;
                (machine, stands)
            });
        }
        let mut kept = Vec::new();
        while let Some(Ok((machine, stands))) = asked.join_next().await {
            match stands {
                Ok(Ok(lease)) if !self.is_own(lease.as_ref()) => {}
                Ok(Ok(_)) => kept.push((machine, "something is still at work there".to_owned())),
                Ok(Err(error)) => kept.push((machine, error.to_string())),
                Err(_) => kept.push((machine, "it does not answer in time".to_owned())),
            }
        }
        kept.sort();
        kept
    }

    /// Looks at the leases of machines. Changes nothing.
    pub async fn show(fleet: &Arc<dyn Fleet>, machines: Vec<MachineName>) -> Vec<Standing> {
        let asked = machines.into_iter().map(|machine| (machine, Tenure::Show));
        everywhere(fleet, asked.collect()).await
    }

    /// Takes leases away, by the tokens that were shown; tells what stands there afterwards.
    pub async fn remove(
        fleet: &Arc<dyn Fleet>,
        tokens: Vec<(MachineName, String)>,
    ) -> Vec<Standing> {
        let asked = tokens.into_iter();
        let asked = asked.map(|(machine, token)| (machine, Tenure::Remove(token)));
        everywhere(fleet, asked.collect()).await
    }

    fn those(&self, fits: impl Fn(&State) -> bool) -> Vec<MachineName> {
        let machines = self.machines();
        let those = machines.iter().filter(|(_, state)| fits(state));
        those.map(|(machine, _)| machine.clone()).collect()
    }

    fn machines(&self) -> MutexGuard<'_, BTreeMap<MachineName, State>> {
        self.machines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lease of a machine whose connection may have to give way.
struct Giving {
    leases: Arc<Leases>,
    machine: MachineName,
}

impl Parting for Giving {
    fn request(&self) -> Option<Request> {
        let mut machines = self.leases.machines();
        let state = machines.get_mut(&self.machine)?;
        if *state != State::Held {
            return None;
        }
        // Until there is an answer nobody knows; and what comes next may not count on it.
        *state = State::Doubtful;
        Some(Request::Lease(Tenure::Release(self.leases.owner())))
    }

    fn answered(&self, reply: Reply) {
        let Reply::Lease(lease) = reply else {
            return;
        };
        let is_own = self.leases.is_own(lease.as_deref());
        let mut machines = self.leases.machines();
        if machines.get(&self.machine) == Some(&State::Doubtful) && !is_own {
            machines.remove(&self.machine);
        }
    }
}

async fn everywhere(fleet: &Arc<dyn Fleet>, asked: Vec<(MachineName, Tenure)>) -> Vec<Standing> {
    let mut asking = JoinSet::new();
    for (machine, tenure) in asked {
        let fleet = fleet.clone();
        asking.spawn(async move {
            let stands = ask(fleet.as_ref(), &machine, tenure).await;
            (machine, stands)
        });
    }
    let mut answered = asking.join_all().await;
    answered.sort_by(|(one, _), (other, _)| one.cmp(other));
    answered
}

async fn ask(
    fleet: &dyn Fleet,
    machine: &MachineName,
    tenure: Tenure,
) -> Result<Option<Lease>, EffectError> {
    let courier = fleet.courier(machine).await?;
    stands(courier.exchange(Request::Lease(tenure)).await)
}

/// The same, but only of a machine that it does not disturb.
async fn idle(
    fleet: &dyn Fleet,
    machine: &MachineName,
    tenure: Tenure,
) -> Option<Result<Option<Lease>, EffectError>> {
    let courier = fleet.courier(machine).await.ok()?;
    if !courier.is_idle() {
        return None;
    }
    Some(stands(courier.exchange(Request::Lease(tenure)).await))
}

fn stands(reply: Result<Reply, CourierError>) -> Result<Option<Lease>, EffectError> {
    match reply? {
        Reply::Lease(lease) => Ok(lease.map(|lease| *lease)),
        other => Err(unexpected(other)),
    }
}
