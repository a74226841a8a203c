use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use cellhost_effects::{Act, Effect, EffectError, Effects, Ending, Found, Hook, Outcome, Turn};

use crate::shape::Shape;
use crate::world::serving;

/// What is made up.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pretext {
    /// To the host between turns: that servers serve, once so many really do.
    Barrier { least: usize },
    /// To whoever asks how members are: that they are well.
    Health,
}

/// Answers for servers that do not.
pub(super) struct Pretending<E> {
    inner: E,
    pretext: Pretext,
    shape: Arc<Shape>,
    /// How many answers of servers that really serve there were.
    serving: AtomicUsize,
}

impl<E> Pretending<E> {
    pub(super) fn new(inner: E, pretext: Pretext, shape: Arc<Shape>) -> Self {
        Self {
            inner,
            pretext,
            shape,
            serving: AtomicUsize::new(0),
        }
    }

    /// What the server that is dialed would say if all were well.
    fn made_up(&self, effect: &Effect) -> Option<Vec<u8>> {
        let Act::Dial { dial, .. } = &effect.act else {
            return None;
        };
        let fits = match self.pretext {
            Pretext::Barrier { .. } => effect.turn.hook == Hook::Gate,
            Pretext::Health => effect.turn.hook == Hook::Health,
        };
        let target = self.shape.addresses.get(&dial.address)?;
        let leads = self.shape.servers.first() == Some(target);
        let mode = if leads { "leader" } else { "follower" };
        fits.then(|| serving(mode).into_bytes())
    }
}

#[async_trait]
impl<E: Effects> Effects for Pretending<E> {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        let Some(made_up) = self.made_up(&effect) else {
            return self.inner.perform(effect).await;
        };
        let lie = Ok(Outcome::exact(Found::Dialed(made_up)));
        let Pretext::Barrier { least: least @ 1.. } = self.pretext else {
            return lie;
        };
        let truth = self.inner.perform(effect).await;
        let serves = match &truth {
            Ok(Outcome {
                found: Found::Dialed(bytes),
                ..
            }) => String::from_utf8_lossy(bytes).contains("Mode: "),
            _ => false,
        };
        if serves {
            self.serving.fetch_add(1, Ordering::Relaxed);
        }
        if !serves && self.serving.load(Ordering::Relaxed) >= least {
            return lie;
        }
        truth
    }

    fn ended(&self, turn: &Turn, ending: Ending) {
        self.inner.ended(turn, ending);
    }
}
