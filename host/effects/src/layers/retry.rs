//! Tries again what failed for a reason that passes, and never what may have changed something.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cellhost_manifest::digest;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::record::Place;
use crate::{Act, Cause, Effect, EffectError, Effects, Found, Hook, Outcome, Settlement};

/// The pause before the second attempt; each later one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// How often and how long is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How many attempts there may be after the first.
    pub retries: u32,
    /// How long after the beginning of the first attempt the last may begin.
    pub longest: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            retries: 3,
            longest: Duration::from_secs(30),
        }
    }
}

/// An effect that is about to be tried again.
#[derive(Debug, Clone, Copy)]
pub struct Retry<'effect> {
    /// The effect.
    pub effect: &'effect Effect,
    /// How many attempts there were so far.
    pub attempts: u32,
    /// When the next begins.
    pub pause: Duration,
    /// Why the last failed.
    pub reason: &'effect str,
}

impl Retry<'_> {
    /// What the record tells of it.
    pub fn note(&self) -> Value {
        json!({
            "effect": Place::from(self.effect),
            "attempts": self.attempts,
            "pause-ms": u64::try_from(self.pause.as_millis()).unwrap_or(u64::MAX),
            "reason": self.reason,
        })
    }
}

type Ear = dyn Fn(Retry<'_>) + Send + Sync;

/// Tries effects again: where the machine was not reached, where a look was lost, and where
/// another program held a lock of the package manager.
///
/// It stands above [`super::Secrets`], so that no value is in the reasons that it tells, and above
/// [`super::Halt`]: it waits by an effect, which an interrupt ends at once.
pub struct Retried<E> {
    inner: E,
    patience: Patience,
    ear: Arc<Ear>,
}

impl<E: Effects> Retried<E> {
    /// A layer over another; the ear hears of every attempt but the first before it begins.
    pub fn new(
        inner: E,
        patience: Patience,
        ear: impl Fn(Retry<'_>) + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner,
            patience,
            ear: Arc::new(ear),
        }
    }
}

#[async_trait]
impl<E: Effects> Effects for Retried<E> {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        let begun = Instant::now();
        let mut settled: Vec<Settlement> = Vec::new();
        let mut attempts = 0;
        loop {
            let result = self.inner.perform(effect.clone()).await;
            attempts += 1;
            let result = together(&mut settled, result);
            let error = match result {
                Err(error) if passes(&effect, &error) => error,
                result => return result,
            };
            let pause = pause(&effect, attempts);
            if attempts > self.patience.retries || begun.elapsed() + pause > self.patience.longest {
                return Err(error);
            }
            (self.ear)(Retry {
                effect: &effect,
                attempts,
                pause,
                reason: &error.to_string(),
            });
            let waited = self.inner.perform(effect.asking(Act::Pause(pause))).await;
            match (waited, error) {
                (Ok(_), _) => {}
                // It tells of what was settled before.
                (Err(_), failed @ EffectError::Failed(_)) => return Err(failed),
                (Err(interrupted), _) => return Err(interrupted),
            }
        }
    }
}

/// Whether an error says nothing about the next attempt, which is safe to make.
fn passes(effect: &Effect, error: &EffectError) -> bool {
    // The host itself asks again and again who is there, and knows when to give up.
    if effect.turn.hook == Hook::Gate {
        return false;
    }
    match error {
        EffectError::Unreachable { lasting: true, .. } => false,
        EffectError::Unreachable { in_doubt, .. } => !in_doubt || only_looks(&effect.act),
        EffectError::Failed(failure) => failure.causes().eq([Cause::Locked]),
        _ => false,
    }
}

/// Whether to do it twice is the same as to do it once. What is sent to a port may be anything.
fn only_looks(act: &Act) -> bool {
    !act.changes() && !matches!(act, Act::Dial { .. })
}

/// How long to wait: longer each time, and not in step with others. The same for the same effect.
fn pause(effect: &Effect, attempts: u32) -> Duration {
    let turn = &effect.turn;
    let of = turn.machine.as_ref().map_or("", |machine| machine.as_str());
    let key = format!(
        "{} {} {of} {} {} {} {attempts}",
        turn.module, turn.hook, turn.round, effect.sequence, effect.machine
    );
    let chance = u32::from_str_radix(digest(key.as_bytes()).get(..4).unwrap_or("0"), 16);
    let chance = f64::from(chance.unwrap_or(0)) / f64::from(0xffff);
    let whole = FIRST_PAUSE * 2_u32.saturating_pow(attempts.saturating_sub(1).min(16));
    whole.mul_f64(0.75 + chance / 2.0)
}

/// Adds to a result what earlier attempts settled, so that no change goes untold: an attempt finds
/// settled what those before it did.
fn together(
    settled: &mut Vec<Settlement>,
    mut result: Result<Outcome, EffectError>,
) -> Result<Outcome, EffectError> {
    let now = match &mut result {
        Ok(Outcome {
            found: Found::Settled(now),
            ..
        }) => now,
        Err(EffectError::Failed(failure)) => &mut failure.settlements,
        _ => return result,
    };
    for before in settled.iter().filter(|before| before.changed()) {
        let found = now.iter_mut().find(|now| now.subject == before.subject);
        match found {
            Some(now) if now.changed() => {
                let later = std::mem::take(&mut now.lines);
                now.lines = before.lines.iter().cloned().chain(later).collect();
            }
            Some(now) => *now = before.clone(),
            None => now.push(before.clone()),
        }
    }
    settled.clone_from(now);
    result
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use cellhost_transport::Trouble;

    use super::*;
    use crate::layers::{Halt, Stop};
    use crate::{Certainty, Command, Doubt, Failure, Input, Missed, Text};

    /// Answers from a list; lets time pass for pauses.
    struct Told {
        answers: Mutex<VecDeque<Result<Outcome, EffectError>>>,
        asked: Mutex<Vec<&'static str>>,
    }

    #[async_trait]
    impl Effects for Arc<Told> {
        async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
            if let Act::Pause(time) = effect.act {
                tokio::time::sleep(time).await;
                return Ok(Outcome::exact(Found::Paused));
            }
            self.asked.lock().unwrap().push(effect.act.verb());
            self.answers.lock().unwrap().pop_front().unwrap()
        }
    }

    fn told(answers: impl IntoIterator<Item = Result<Outcome, EffectError>>) -> Arc<Told> {
        Arc::new(Told {
            answers: Mutex::new(answers.into_iter().collect()),
            asked: Mutex::default(),
        })
    }

    fn unreachable(in_doubt: bool, lasting: bool) -> EffectError {
        EffectError::Unreachable {
            reason: "cut off".to_owned(),
            in_doubt,
            lasting,
        }
    }

    fn locked(settlements: Vec<Settlement>) -> EffectError {
        let missed = Missed {
            index: 1,
            subject: "package p".to_owned(),
            trouble: Trouble::new("E: Could not get lock /var/lib/dpkg/lock-frontend"),
        };
        EffectError::Failed(Box::new(Failure {
            missed: vec![missed],
            stopped: Vec::new(),
            settlements,
        }))
    }

    fn settlement(subject: &str, lines: &[&str]) -> Settlement {
        Settlement {
            subject: subject.to_owned(),
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
            diff: None,
            certainty: Certainty::Exact,
        }
    }

    fn command() -> Command {
        Command {
            argv: vec!["do".to_owned()],
            input: Input::Nothing,
            environment: vec![("A".to_owned(), Text::Plain("b".to_owned()))],
            user: None,
            deadline: Duration::from_mins(1),
        }
    }

    fn run() -> Act {
        Act::Run {
            command: command(),
            doubt: Doubt::Again,
        }
    }

    fn probe() -> Act {
        Act::Probe {
            command: command(),
            assumed: None,
        }
    }

    fn done() -> Outcome {
        Outcome::exact(Found::Paused)
    }

    async fn tried(
        act: Act,
        answers: Vec<Result<Outcome, EffectError>>,
    ) -> (Result<Outcome, EffectError>, usize) {
        let below = told(answers);
        let layer = Retried::new(below.clone(), Patience::default(), |_| {});
        let result = layer.perform(crate::testing::effect(act)).await;
        let asked = below.asked.lock().unwrap().len();
        (result, asked)
    }

    #[tokio::test(start_paused = true)]
    async fn tries_whatever_never_reached_the_machine_again() {
        for act in [run(), probe(), Act::Ensure(Vec::new())] {
            let (result, asked) =
                tried(act, vec![Err(unreachable(false, false)), Ok(done())]).await;
            assert!(result.is_ok());
            assert_eq!(asked, 2);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn never_repeats_what_may_have_changed_something() {
        for act in [run(), Act::Ensure(Vec::new())] {
            let (result, asked) = tried(act, vec![Err(unreachable(true, false)), Ok(done())]).await;
            assert!(matches!(
                result,
                Err(EffectError::Unreachable { in_doubt: true, .. })
            ));
            assert_eq!(asked, 1);
        }
        let (result, asked) = tried(probe(), vec![Err(unreachable(true, false)), Ok(done())]).await;
        assert!(result.is_ok());
        assert_eq!(asked, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn does_not_hammer_at_a_door_that_stays_shut() {
        let (_, asked) = tried(probe(), vec![Err(unreachable(false, true)), Ok(done())]).await;
        assert_eq!(asked, 1);
        let denied = EffectError::Denied {
            rule: "no".to_owned(),
        };
        let (_, asked) = tried(probe(), vec![Err(denied), Ok(done())]).await;
        assert_eq!(asked, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_after_so_many_attempts_and_after_so_long() {
        let never = || vec![Err(unreachable(false, false)); 9];
        let begun = Instant::now();
        let (result, asked) = tried(probe(), never()).await;
        assert!(result.is_err());
        assert_eq!(asked, 4);
        assert!(begun.elapsed() < Duration::from_secs(6), "{begun:?}");
        let below = told(never());
        let patience = Patience {
            retries: 1000,
            longest: Duration::from_secs(20),
        };
        let layer = Retried::new(below.clone(), patience, |_| {});
        let begun = Instant::now();
        assert!(
            layer
                .perform(crate::testing::effect(probe()))
                .await
                .is_err()
        );
        assert!(begun.elapsed() <= Duration::from_secs(20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_that_is_free_again_loses_no_change_that_was_made_before() {
        let before = vec![settlement("file a", &["content"])];
        let after = vec![
            settlement("file a", &[]),
            settlement("package p", &["installed"]),
        ];
        let answers = vec![
            Err(locked(before)),
            Ok(Outcome::exact(Found::Settled(after))),
        ];
        let (result, asked) = tried(Act::Ensure(Vec::new()), answers).await;
        assert_eq!(asked, 2);
        let Ok(Outcome {
            found: Found::Settled(settled),
            ..
        }) = result
        else {
            panic!("{result:?}");
        };
        let changed: Vec<&str> = settled
            .iter()
            .filter(|settled| settled.changed())
            .map(|settled| settled.subject.as_str())
            .collect();
        assert_eq!(changed, ["file a", "package p"]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_interrupt_ends_the_wait_at_once() {
        let below = told(vec![Err(unreachable(false, false)); 9]);
        let stop = Stop::new();
        let told = Arc::new(Mutex::new(0));
        let heard = told.clone();
        let layer = Retried::new(
            Halt::new(below.clone(), stop.clone()),
            Patience::default(),
            move |retry| {
                assert_eq!(retry.reason, "cut off");
                *heard.lock().unwrap() += 1;
                stop.cancel();
            },
        );
        let begun = Instant::now();
        let result = layer.perform(crate::testing::effect(run())).await;
        assert_eq!(
            result.unwrap_err(),
            EffectError::Interrupted { in_doubt: false }
        );
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert_eq!(*told.lock().unwrap(), 1);
        assert_eq!(below.asked.lock().unwrap().len(), 1);
    }

    #[test]
    fn pauses_grow_and_are_the_same_in_every_replay() {
        let effect = crate::testing::effect(probe());
        let pauses: Vec<Duration> = (1..=4).map(|attempts| pause(&effect, attempts)).collect();
        let again: Vec<Duration> = (1..=4).map(|attempts| pause(&effect, attempts)).collect();
        assert_eq!(pauses, again);
        for (attempts, pause) in (0..).zip(&pauses) {
            let whole = FIRST_PAUSE * 2_u32.pow(attempts);
            assert!(*pause >= whole.mul_f64(0.75) && *pause <= whole.mul_f64(1.25));
        }
        let mut other = effect;
        other.sequence = 1;
        assert_ne!(pause(&other, 1), pauses[0]);
    }
}
