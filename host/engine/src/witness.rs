//! Sees every effect of a turn: counts changes and tells about them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use cellhost_effects::{
    Act, Cause, Certainty, Effect, EffectError, Effects, Ending, Failure, Found, Listener, Outcome,
    Settlement, Turn,
};
use cellhost_plan::MachineName;
use cellhost_runtime::{Level, Voice};

use crate::Tally;
use crate::event::{Event, Events, Happening};

/// The outermost layer of a turn, and the ear for its words.
pub(crate) struct Witness {
    inner: Arc<dyn Effects>,
    events: Events,
    tally: Mutex<Tally>,
    unreachable: AtomicBool,
    interrupted: AtomicBool,
    stopped: OnceLock<String>,
    foreseen: AtomicBool,
    /// The least sure of what the turn was told.
    doubt: Mutex<Certainty>,
    warnings: Mutex<Vec<String>>,
    causes: Mutex<BTreeSet<Cause>>,
}

impl Witness {
    pub(crate) fn new(inner: Arc<dyn Effects>, events: Events) -> Self {
        Self {
            inner,
            events,
            tally: Mutex::default(),
            unreachable: AtomicBool::new(false),
            interrupted: AtomicBool::new(false),
            stopped: OnceLock::new(),
            foreseen: AtomicBool::new(false),
            doubt: Mutex::new(Certainty::Exact),
            warnings: Mutex::default(),
            causes: Mutex::default(),
        }
    }

    /// How many things changed in this turn.
    pub(crate) fn changes(&self) -> usize {
        self.tally().all()
    }

    /// The same by how sure that is.
    pub(crate) fn tally(&self) -> Tally {
        self.tally.lock().map(|tally| *tally).unwrap_or_default()
    }

    fn count(&self, certainties: impl IntoIterator<Item = Certainty>) {
        if let Ok(mut tally) = self.tally.lock() {
            certainties
                .into_iter()
                .for_each(|certainty| tally.count(certainty));
        }
    }

    /// Whether a machine could not be reached in this turn.
    pub(crate) fn met_unreachable(&self) -> bool {
        self.unreachable.load(Ordering::Relaxed)
    }

    /// Whether the operator ended something in this turn.
    pub(crate) fn met_interrupt(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Why the host ended the turn, where it did.
    pub(crate) fn stopped(&self) -> Option<String> {
        self.stopped.get().cloned()
    }

    /// Whether the turn was ended where it would have changed something.
    pub(crate) fn met_foreseen(&self) -> bool {
        self.foreseen.load(Ordering::Relaxed)
    }

    /// Whether all that the turn was told is what machines themselves say of how they will be.
    pub(crate) fn is_proven(&self) -> bool {
        self.doubt() == Certainty::Exact
    }

    /// How sure the least sure thing is that the turn was told.
    pub(crate) fn doubt(&self) -> Certainty {
        *self.doubt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the module wanted the operator to see.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings
            .lock()
            .map(|warnings| warnings.clone())
            .unwrap_or_default()
    }

    /// What a person can do about what machines could not do in this turn.
    pub(crate) fn hints(&self) -> Vec<&'static str> {
        let causes = self.causes.lock();
        let causes = causes.map(|causes| causes.clone()).unwrap_or_default();
        causes.into_iter().filter_map(Cause::hint).collect()
    }

    /// Tells what a list changed that did not come about as a whole.
    fn failed(&self, effect: &Effect, failure: &Failure) {
        if let Ok(mut causes) = self.causes.lock() {
            causes.extend(failure.causes());
        }
        let settled = self.settled(effect.machine.clone(), &failure.settlements);
        self.tell(&effect.turn, settled);
    }

    fn settled(&self, machine: MachineName, settlements: &[Settlement]) -> Happening {
        let changed = settlements.iter().filter(|settled| settled.changed());
        let changed: Vec<Settlement> = changed.cloned().collect();
        self.count(changed.iter().map(|settled| settled.certainty));
        Happening::Settled { machine, changed }
    }

    fn tell(&self, turn: &Turn, happening: Happening) {
        // Nobody listening is no reason to stop.
        let _ = self.events.send(of(turn, happening));
    }

    /// Hears what is written while a machine is changed; looks are short, and there are many.
    fn listener(&self, effect: &Effect) -> Listener {
        if !effect.act.changes() {
            return Listener::default();
        }
        let (events, turn, machine) = (
            self.events.clone(),
            effect.turn.clone(),
            effect.machine.clone(),
        );
        Listener::new(move |_, line| {
            let happening = Happening::Wrote {
                machine: machine.clone(),
                line: line.to_owned(),
            };
            let _ = events.send(of(&turn, happening));
        })
    }

    fn seen(&self, effect: &Effect, outcome: &Outcome) -> Happening {
        let machine = effect.machine.clone();
        let certainty = outcome.certainty;
        {
            let mut doubt = self.doubt.lock().unwrap_or_else(PoisonError::into_inner);
            *doubt = certainty.max(*doubt);
        }
        match (&effect.act, &outcome.found) {
            (_, Found::Settled(settlements)) => self.settled(machine, settlements),
            (Act::Run { command, .. }, Found::Ran(answer)) => {
                self.count([certainty]);
                let status = answer.as_ref().map(|answer| answer.status);
                Happening::Ran {
                    machine,
                    argv: command.argv.clone(),
                    status,
                    certainty,
                }
            }
            (act, _) => Happening::Looked {
                machine,
                verb: act.verb(),
                certainty,
            },
        }
    }
}

fn of(turn: &Turn, happening: Happening) -> Event {
    Event::Turn {
        module: turn.module.clone(),
        hook: turn.hook,
        machine: turn.machine.clone(),
        happening,
    }
}

#[async_trait]
impl Effects for Witness {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        let listener = self.listener(&effect);
        let heard = Effect {
            listener,
            ..effect.clone()
        };
        let result = self.inner.perform(heard).await;
        let happening = match &result {
            Ok(outcome) => self.seen(&effect, outcome),
            Err(error) => {
                if matches!(error, EffectError::Unreachable { .. }) {
                    self.unreachable.store(true, Ordering::Relaxed);
                }
                if matches!(error, EffectError::Interrupted { .. }) {
                    self.interrupted.store(true, Ordering::Relaxed);
                }
                if error.ends_turn() {
                    // The first of them says why; what follows in the turn only repeats it.
                    let _ = self.stopped.set(error.to_string());
                }
                if matches!(error, EffectError::Foreseen) {
                    self.foreseen.store(true, Ordering::Relaxed);
                }
                let machine = effect.machine.clone();
                Happening::Failed {
                    machine,
                    verb: effect.act.verb(),
                    reason: error.to_string(),
                }
            }
        };
        self.tell(&effect.turn, happening);
        match &result {
            Err(EffectError::Failed(failure)) => self.failed(&effect, failure),
            Err(EffectError::Leased {
                cause: Some(cause), ..
            }) => {
                if let Ok(mut causes) = self.causes.lock() {
                    causes.insert(*cause);
                }
            }
            Err(EffectError::NotAgreed { settlements, .. }) => {
                let settled = self.settled(effect.machine.clone(), settlements);
                self.tell(&effect.turn, settled);
            }
            _ => {}
        }
        result
    }

    fn ended(&self, turn: &Turn, ending: Ending) {
        self.inner.ended(turn, ending);
    }
}

impl Voice for Witness {
    fn said(&self, turn: &Turn, level: Level, message: String) {
        if let (Level::Warn, Ok(mut warnings)) = (level, self.warnings.lock()) {
            warnings.push(message.clone());
        }
        self.tell(turn, Happening::Said(level, message));
    }

    fn doing(&self, turn: &Turn, what: String) {
        self.tell(turn, Happening::Doing(what));
    }
}
