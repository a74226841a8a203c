//! Whose machines are, as it really is.

use std::collections::{BTreeMap, BTreeSet};

use cellhost_plan::MachineName;
use cellhost_transport::{Owner, Reply, Request, State};
use tokio::time::Instant;

use super::{World, due, setting};
use crate::chance::Chance;
use crate::rule::Rule;
use crate::thing::asked;

/// For how long somebody else keeps a machine, in milliseconds.
const KEPT: (u64, u64) = (1_000, 300_000);
/// The token of somebody else.
const OTHER: &str = "other";

/// What the run under way may change.
#[derive(Debug, Default)]
pub(super) struct Leases {
    /// How many runs there were.
    runs: usize,
    /// The token of this one.
    own: String,
    /// The machines of which it knows that it has the lease.
    known: BTreeSet<MachineName>,
    /// Those of them whose leases were taken away from it.
    lost: BTreeSet<MachineName>,
    /// Until when somebody else has a machine.
    others: BTreeMap<MachineName, Instant>,
}

impl Leases {
    /// Begins a run: a new process of the same controller.
    pub(super) fn begin(&mut self) -> Owner {
        self.runs += 1;
        self.own = format!("run{}", self.runs);
        self.known.clear();
        self.lost.clear();
        owner(&self.own, "here")
    }

    /// Whose time is over.
    pub(super) fn over(&mut self, now: Instant) -> BTreeSet<MachineName> {
        due(&mut self.others, now)
    }

    /// The host was told that it has a machine's lease.
    pub(super) fn tell(&mut self, name: &MachineName) {
        self.known.insert(name.clone());
    }

    /// A machine's lease is taken away, and somebody else takes it, or nobody.
    pub(super) fn unlock(&mut self, name: &MachineName, state: &mut State, chance: &mut Chance) {
        let lease = state.lease.as_ref();
        let own = lease.is_some_and(|lease| lease.token == self.own);
        // Who never heard that it had one asks for it once more.
        if own && self.known.contains(name) {
            self.lost.insert(name.clone());
        }
        state.lease = None;
        if chance.once_in(2) {
            state.lease = Some(owner(OTHER, "elsewhere"));
            let end = Instant::now() + chance.between(KEPT.0, KEPT.1);
            self.others.insert(name.clone(), end);
        }
    }
}

/// Somebody else gives a machine back.
pub(super) fn leave(state: &mut State) {
    state.lease.take_if(|lease| lease.token == OTHER);
}

fn owner(token: &str, controller: &str) -> Owner {
    Owner {
        token: token.to_owned(),
        controller: controller.to_owned(),
        cell: "simulated".to_owned(),
        user: "somebody".to_owned(),
        host: controller.to_owned(),
        run: token.to_owned(),
    }
}

impl World {
    /// Something was changed, or is refused: this run has to have the machine, and to have had it
    /// all along.
    pub(super) fn judge_lease(&self, name: &MachineName, request: &Request, reply: &Reply) {
        let changes = match asked(request) {
            Request::Settle(_) => true,
            Request::Command(command) => !setting::looks(&command.argv),
            _ => false,
        };
        if !changes || matches!(reply, Reply::Withheld(_)) {
            return;
        }
        let Some(machine) = self.machine(name) else {
            return;
        };
        let has = machine.state().lease.clone();
        let mut inner = self.inner();
        let owns = has.is_some_and(|lease| lease.token == inner.leases.own);
        if !owns {
            let words = format!("{name} was changed, and is not leased to this run");
            inner.object(Rule::Leased, words);
        } else if inner.leases.lost.contains(name) {
            let words = format!("{name} was changed once its lease was taken away");
            inner.object(Rule::Leased, words);
        }
    }

    /// A run is over and said of which machines it keeps the lease.
    pub fn judge_release(&self, kept: &[(MachineName, String)]) {
        let own = self.inner().leases.own.clone();
        for (name, state) in self.states() {
            let stays = state.lease.is_some_and(|lease| lease.token == own);
            if stays && !kept.iter().any(|(kept, _)| *kept == name) {
                let words = format!("{name} stays leased, and nobody is told");
                self.object(Rule::Leased, words);
            }
        }
    }
}
