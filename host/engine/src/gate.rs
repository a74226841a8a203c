//! Between the turns of modules: how members are, and waiting until they are better.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cellhost_effects::{
    Act, Certainty, Consent, Effect, EffectError, Effects, Ending, Listener, Turn,
};
use cellhost_plan::MachineName;

use crate::event::{Event, Events, Happening};
use crate::{Row, Status, Tally};

/// The first pause between two looks; pauses grow to [`LONGEST`].
const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(5);

/// How a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Health {
    /// All is well.
    Healthy,
    /// It serves, but not as planned; why.
    Degraded(String),
    /// It does not serve; why.
    Down(String),
    /// It cannot be asked, and so is not known to serve; why.
    Lost(String),
    /// What it says is about a state that was only thought up.
    Unproven,
    /// The operator asked to stop before it could say.
    Interrupted,
}

impl Health {
    /// Why it is not healthy, as far as it is known not to be.
    pub(crate) fn complaint(&self) -> Option<String> {
        match self {
            Self::Healthy | Self::Unproven => None,
            Self::Degraded(why) => Some(format!("degraded ({why})")),
            Self::Down(why) | Self::Lost(why) => Some(format!("down ({why})")),
            Self::Interrupted => Some("not known: interrupted".to_owned()),
        }
    }

    /// The same for the record. Only of a member that is well a resumed run takes it from there.
    pub(crate) fn ending(&self) -> Ending {
        let status = match self {
            Self::Healthy => "healthy",
            Self::Degraded(_) => "degraded",
            Self::Down(_) => "down",
            Self::Lost(_) => "lost",
            Self::Unproven => "unproven",
            Self::Interrupted => "interrupted",
        };
        Ending {
            good: *self == Self::Healthy,
            status: status.to_owned(),
            changes: 0,
            reason: self.complaint(),
        }
    }

    /// Why it does not serve, where it does not.
    pub(crate) fn outage(&self) -> Option<&str> {
        match self {
            Self::Down(why) | Self::Lost(why) => Some(why),
            _ => None,
        }
    }
}

/// A turn in which the host waits. Time passes in it through effects alone, so that a repeated run
/// waits as often and asks as often.
pub(crate) struct Gate {
    turn: Arc<Turn>,
    machine: MachineName,
    effects: Arc<dyn Effects>,
    events: Events,
    sequence: u32,
    pause: Duration,
    waited: Duration,
    begun: Instant,
    shown: bool,
}

/// How a pause ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paused {
    /// The time has passed.
    Really,
    /// Nobody waits here: what is waited for would not come about either.
    Supposedly,
    /// The operator asked to stop, or the record cannot be kept.
    Broken,
}

impl Gate {
    pub(crate) fn new(
        turn: Arc<Turn>,
        machine: MachineName,
        effects: Arc<dyn Effects>,
        events: Events,
    ) -> Self {
        Self {
            turn,
            machine,
            effects,
            events,
            sequence: 0,
            pause: SHORTEST,
            waited: Duration::ZERO,
            begun: Instant::now(),
            shown: false,
        }
    }

    /// How long it has waited, counted in pauses.
    pub(crate) fn waited(&self) -> Duration {
        self.waited
    }

    /// Counts time that went by otherwise.
    pub(crate) fn count(&mut self, time: Duration) {
        self.waited += time;
    }

    /// Lets some time pass, and tells what for. Pauses grow, up to what is left of the patience.
    pub(crate) async fn pause(&mut self, why: &str, patience: Duration) -> Paused {
        self.tell(Happening::Waiting {
            why: why.to_owned(),
            waited: self.waited,
            patience,
        });
        self.shown = true;
        let left = patience.saturating_sub(self.waited).max(SHORTEST);
        let time = self.pause.min(left);
        self.pause = (self.pause * 2).min(LONGEST);
        let effect = Effect {
            turn: self.turn.clone(),
            sequence: self.sequence,
            machine: self.machine.clone(),
            act: Act::Pause(time),
            listener: Listener::default(),
            consent: Consent::default(),
        };
        self.sequence += 1;
        self.waited += time;
        match self.effects.perform(effect).await {
            Ok(outcome) if outcome.certainty == Certainty::Exact => Paused::Really,
            Ok(_) => Paused::Supposedly,
            Err(EffectError::Interrupted { .. }) => Paused::Broken,
            Err(error) => {
                tracing::error!(%error, "a pause was refused");
                Paused::Broken
            }
        }
    }

    /// Ends it, and gives the row where it did not do what it should.
    pub(crate) fn end(self, status: Status) -> Option<Row> {
        let took = self.begun.elapsed();
        self.effects.ended(&self.turn, status.ending());
        if self.shown || !status.is_good() {
            self.tell(Happening::Ended {
                status: status.clone(),
                hints: Vec::new(),
                took,
            });
        }
        (!status.is_good()).then(|| Row {
            module: self.turn.module.clone(),
            hook: self.turn.hook,
            machine: Some(self.machine.clone()),
            status,
            tally: Tally::default(),
            warnings: Vec::new(),
            hints: Vec::new(),
            took,
        })
    }

    fn tell(&self, happening: Happening) {
        // Nobody listening is no reason to stop.
        let _ = self.events.send(Event::Turn {
            module: self.turn.module.clone(),
            hook: self.turn.hook,
            machine: self.turn.machine.clone(),
            happening,
        });
    }
}
