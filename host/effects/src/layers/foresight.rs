//! Whether a turn would change anything, without changing it.

use async_trait::async_trait;

use crate::judgement::{Course, Wishes};
use crate::{Act, Certainty, Effect, EffectError, Effects, Found, Hook, Item, Outcome};

/// Ends what a foreseeing turn asks with [`EffectError::Foreseen`] as soon as it would change a
/// machine; looks pass. A turn that is never ended so is one that changes nothing, and has
/// thereby done all that there was to do. Effects of other turns go by untouched.
pub struct Foresight<E> {
    inner: E,
}

impl<E: Effects> Foresight<E> {
    /// A layer over another, which is asked only to look while a turn foresees.
    pub fn new(inner: E) -> Self {
        Self { inner }
    }

    async fn ensure(&self, effect: &Effect, items: &[Item]) -> Result<Outcome, EffectError> {
        let wishes = Wishes::of(items)?;
        let look = effect.asking(Act::Look(wishes.identities(0)));
        let outcome = self.inner.perform(look).await?;
        let Found::Facts(facts) = outcome.found else {
            return Err(EffectError::other("the machine was not looked at"));
        };
        let judged = wishes.judge(0, &facts);
        // What cannot be met as things stand may be met by the time.
        let open = !judged.hopeless.is_empty() && outcome.certainty != Certainty::Exact;
        if !judged.differing.is_empty() || open {
            return Err(EffectError::Foreseen);
        }
        let mut course = Course::new(&wishes);
        (0..items.len()).for_each(|item| course.trust(item, outcome.certainty));
        drop(course.admit(judged));
        Ok(Outcome {
            found: Found::Settled(course.end()?),
            certainty: outcome.certainty,
        })
    }
}

#[async_trait]
impl<E: Effects> Effects for Foresight<E> {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        if effect.turn.hook != Hook::Foresee {
            return self.inner.perform(effect).await;
        }
        match effect.act.clone() {
            Act::Ensure(items) => self.ensure(&effect, &items).await,
            Act::Run { .. } => Err(EffectError::Foreseen),
            _ => self.inner.perform(effect).await,
        }
    }
}
