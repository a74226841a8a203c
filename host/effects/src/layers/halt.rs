//! Ends effects when the operator asks for it.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{Act, Effect, EffectError, Effects, Outcome};

/// How long a list that is being settled may still take. It is not broken off: a machine is
/// better left between two lists than within one, and packages within none.
pub const GRACE: Duration = Duration::from_mins(2);

/// The word to stop: whoever has it can say it, and those who wait for it hear it in the order in
/// which they came, so that what ends first is no matter of chance.
pub type Stop = CancellationToken;

/// Lets nothing begin once it was told to stop. Commands and looks under way are ended at once,
/// and so is what they started on the machine; a list that is being settled is waited for.
pub struct Halt<E> {
    inner: E,
    stop: Stop,
}

impl<E: Effects> Halt<E> {
    /// A layer over another that listens for a word to stop.
    pub fn new(inner: E, stop: Stop) -> Self {
        Self { inner, stop }
    }
}

#[async_trait]
impl<E: Effects> Effects for Halt<E> {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        if self.stop.is_cancelled() {
            return Err(EffectError::Interrupted { in_doubt: false });
        }
        let in_doubt = effect.act.changes();
        let settles = matches!(effect.act, Act::Ensure(_));
        let work = self.inner.perform(effect);
        tokio::pin!(work);
        tokio::select! {
            // What has ended has ended, whatever is asked at the same moment.
            biased;
            result = &mut work => result,
            () = self.stop.cancelled() => {
                if settles && let Ok(result) = timeout(GRACE, work).await {
                    result
                } else {
                    Err(EffectError::Interrupted { in_doubt })
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::{Command, Doubt, Found, Input};

    /// Takes an hour for whatever it is asked.
    struct Slow(Arc<AtomicUsize>);

    #[async_trait]
    impl Effects for Slow {
        async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            let hour = if matches!(effect.act, Act::Ensure(_)) {
                GRACE / 2
            } else {
                Duration::from_hours(1)
            };
            tokio::time::sleep(hour).await;
            Ok(Outcome::exact(Found::Settled(Vec::new())))
        }
    }

    fn command() -> Act {
        let command = Command {
            argv: vec!["sleep".to_owned()],
            input: Input::Nothing,
            environment: Vec::new(),
            user: None,
            deadline: Duration::from_hours(2),
        };
        let doubt = Doubt::Ask;
        Act::Run { command, doubt }
    }

    async fn stopped_in(act: Act) -> (Result<Outcome, EffectError>, Duration) {
        let stop = Stop::new();
        let asked = Arc::new(AtomicUsize::new(0));
        let halt = Halt::new(Slow(asked.clone()), stop.clone());
        let begun = tokio::time::Instant::now();
        let told = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            stop.cancel();
        };
        let effect = crate::testing::effect(act);
        let (result, ()) = tokio::join!(halt.perform(effect.clone()), told);
        let took = begun.elapsed();
        assert!(matches!(
            halt.perform(effect).await,
            Err(EffectError::Interrupted { in_doubt: false })
        ));
        assert_eq!(asked.load(Ordering::Relaxed), 1, "something began");
        (result, took)
    }

    #[tokio::test(start_paused = true)]
    async fn ends_a_command_at_once_and_in_doubt() {
        let (result, took) = stopped_in(command()).await;
        assert!(matches!(
            result,
            Err(EffectError::Interrupted { in_doubt: true })
        ));
        assert_eq!(took.as_secs(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn waits_for_a_list_that_is_being_settled() {
        let (result, took) = stopped_in(Act::Ensure(Vec::new())).await;
        assert!(result.is_ok());
        assert_eq!(took, GRACE / 2);
    }

    #[tokio::test(start_paused = true)]
    async fn goes_on_where_nobody_is_left_to_stop_it() {
        let halt = Halt::new(Slow(Arc::default()), Stop::new());
        assert!(
            halt.perform(crate::testing::effect(command()))
                .await
                .is_ok()
        );
    }
}
