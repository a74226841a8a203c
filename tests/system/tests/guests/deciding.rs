//! How long the policy takes to decide.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use cellhost_effects::layers::Policy;
use cellhost_effects::{Act, Effect, EffectError, Effects, Found, Hook, Outcome};

use crate::asking::{Asker, command, file, probe, service};
use crate::stage::Stage;

/// The longest that 99 of 100 decisions may take.
const LONGEST: Duration = Duration::from_micros(50);
const DECISIONS: usize = 5000;

/// Answers at once, so that nothing is measured but who decides.
struct Nothing;

#[async_trait]
impl Effects for Nothing {
    async fn perform(&self, _: Effect) -> Result<Outcome, EffectError> {
        Ok(Outcome::exact(Found::Settled(Vec::new())))
    }
}

/// More than any module asks for, so that what is looked for is found last or not at all.
fn asks() -> Result<String> {
    let mut asks = String::new();
    for number in 0..50 {
        write!(
            asks,
            "[[asks]]\nwhy = \"much\"\npaths = [\"/etc/mine-{number}\"]\nservices = [\"mine-{number}-*\"]\n\
             commands = [[\"tool-{number}\", \"*\", \"**\"]]\n"
        )?;
    }
    Ok(asks)
}

/// The build with all its checks, the best of three rounds: other tests run beside it.
#[tokio::test]
async fn the_policy_decides_in_microseconds() -> Result<()> {
    let stage = Stage::new()?;
    let policy = Arc::new(Policy::new(Nothing));
    let asker = Asker::before(policy, stage.journal()?, Hook::Apply, &asks()?)?;
    let ensure = |item| Act::Ensure(vec![item]);
    let acts = [
        (ensure(file("/etc/mine-49/deep/down/file", "x")), true),
        (ensure(file("/etc/mine-50/file", "x")), false),
        (ensure(service("mine-49-x")), true),
        (probe(command(&["tool-49", "a", "b", "c"])), true),
        (probe(command(&["tool-50", "a"])), false),
    ];
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let mut took = Vec::with_capacity(DECISIONS);
        for (act, allowed) in acts.iter().cycle().take(DECISIONS) {
            let act = act.clone();
            let begun = Instant::now();
            let answer = asker.ask(act).await;
            took.push(begun.elapsed());
            assert_eq!(answer.is_ok(), *allowed, "{answer:?}");
        }
        took.sort();
        let nearly_all = took.get(DECISIONS * 99 / 100).context("a decision")?;
        best = best.min(*nearly_all);
    }
    println!("99 of 100 decisions take {best:?} or less");
    assert!(best < LONGEST, "{best:?}");
    Ok(())
}
