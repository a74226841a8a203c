//! Lets machines be changed only when a plan lets them.

use std::time::SystemTime;

use async_trait::async_trait;
use cellhost_plan::Rules;

use crate::{Effect, EffectError, Effects, Outcome};

/// Lets nothing begin that changes a machine outside the hours of the plan's rules. What is under way
/// then comes to its end.
pub struct InHours<E> {
    inner: E,
    rules: Rules,
    clock: fn() -> SystemTime,
}

impl<E: Effects> InHours<E> {
    /// A layer over another.
    pub fn new(inner: E, rules: Rules) -> Self {
        Self {
            inner,
            rules,
            clock: SystemTime::now,
        }
    }
}

#[async_trait]
impl<E: Effects> Effects for InHours<E> {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        match self.rules.hours {
            Some(hours) if effect.act.changes() && !self.rules.is_open((self.clock)()) => {
                let rule =
                    format!("`hours` of the plan's rules: nothing is changed but in {hours}");
                Err(EffectError::Denied { rule })
            }
            _ => self.inner.perform(effect).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cellhost_plan::Hours;

    use super::*;
    use crate::{Act, Found};

    struct Done;

    #[async_trait]
    impl Effects for Done {
        async fn perform(&self, _: Effect) -> Result<Outcome, EffectError> {
            Ok(Outcome::exact(Found::Settled(Vec::new())))
        }
    }

    async fn at_noon(hours: &str, act: Act) -> Result<Outcome, EffectError> {
        let layer = InHours {
            inner: Done,
            rules: Rules {
                hours: Some(Hours::parse(hours).unwrap()),
                ..Rules::default()
            },
            clock: || SystemTime::UNIX_EPOCH + Duration::from_hours(12),
        };
        layer.perform(crate::testing::effect(act)).await
    }

    #[tokio::test]
    async fn changes_nothing_at_other_times_and_looks_at_all() {
        let change = || Act::Ensure(Vec::new());
        let look = Act::Status {
            path: "/etc/hosts".to_owned(),
        };
        let told = at_noon("22:00-04:00 UTC", change()).await.unwrap_err();
        assert!(told.to_string().contains("22:00-04:00 UTC"), "{told}");
        assert!(at_noon("22:00-04:00 UTC", look).await.is_ok());
        assert!(at_noon("11:00-13:00 UTC", change()).await.is_ok());
    }
}
