//! What a dry run foretells comes about, and whoever says otherwise of a run is told where.

use anyhow::Result;
use cellhost_effects::{AgreedChange, Agreement, Certainty};
use cellhost_engine::Deployment;
use cellhost_system_tests::{Foretold, foretold_comes_about};

use crate::greeting::{GUESTS, plan};
use crate::stage::{Mode, Stage, deploy};

impl Stage {
    /// What a dry run of a deployment foresees, as it is once it was kept and read again.
    pub(crate) async fn foreseen(&self, deployment: &Deployment) -> Result<Agreement> {
        let (effects, notes) = self.noting();
        let before = self.state();
        self.over(deployment, effects).await;
        assert_eq!(self.state(), before);
        let text = serde_json::to_string(&notes.agreement())?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Runs a deployment, and holds what came about against what a dry run had foreseen.
    pub(crate) async fn as_foreseen(&self, deployment: &Deployment) -> Result<Foretold> {
        let agreement = self.foreseen(deployment).await?;
        let told = self.run(deployment, Mode::Real).await?;
        assert!(told.summary.is_good(), "{:?}", told.summary);
        foretold_comes_about(&agreement, told.journal.as_bytes())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_a_greeting_does_is_certain_in_every_language() -> Result<()> {
    for guest in GUESTS {
        let deployment = deploy(&plan(guest)).await?;
        let foretold = Stage::new()?.as_foreseen(&deployment).await?;
        let all = Foretold {
            exact: 12,
            ..Foretold::default()
        };
        assert_eq!(foretold, all, "{guest}");
    }
    Ok(())
}

/// A dry run of the greeting that was tampered with, held against the run that followed.
async fn tampered(tamper: impl FnOnce(&mut Agreement)) -> Result<Foretold> {
    let stage = Stage::new()?;
    let deployment = deploy(&plan("greeting-rust")).await?;
    let mut agreement = stage.foreseen(&deployment).await?;
    tamper(&mut agreement);
    let told = stage.run(&deployment, Mode::Real).await?;
    foretold_comes_about(&agreement, told.journal.as_bytes())
}

fn wishes(agreement: &mut Agreement) -> &mut Vec<cellhost_effects::AgreedWish> {
    let effect = agreement.effects.first_mut().expect("an effect");
    let AgreedChange::Settles(wishes) = &mut effect.change else {
        panic!("no list");
    };
    wishes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_came_about_otherwise_is_named_from_both_sides() -> Result<()> {
    let otherwise = tampered(|kept| wishes(kept)[1].lines = vec!["mode 0644 -> 0600".to_owned()]);
    let wrong = otherwise.await.unwrap_err().to_string();
    let place = "greeting-rust/apply/m1/0 on m1: file /etc/greeting/greeting.txt";
    for words in [
        format!("{place}: `mode 0644 -> 0600` did not come about"),
        format!("{place}: `create, mode 0644` was not foretold"),
    ] {
        assert!(wrong.contains(&words), "{words}: {wrong}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_not_foretold_or_in_another_turn_is_named() -> Result<()> {
    let without = tampered(|kept| drop(wishes(kept).remove(0)));
    let wrong = without.await.unwrap_err().to_string();
    assert_eq!(wrong.matches("was not foretold").count(), 1, "{wrong}");
    let later = tampered(|kept| kept.effects[0].name.turn.round = 1);
    let wrong = later.await.unwrap_err().to_string();
    assert_eq!(wrong.matches("did not come about").count(), 4, "{wrong}");
    assert_eq!(wrong.matches("was not foretold").count(), 4, "{wrong}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_only_assumed_may_come_about_otherwise_and_is_counted() -> Result<()> {
    let unsure = tampered(|kept| {
        let wishes = wishes(kept);
        wishes[0].certainty = Certainty::Assumed;
        wishes[1].certainty = Certainty::Unknown;
        wishes[1].lines = vec!["something else".to_owned()];
    });
    let foretold = Foretold {
        exact: 10,
        assumed: 1,
        unknown: 1,
        as_told: 1,
        otherwise: 1,
    };
    assert_eq!(unsure.await?, foretold);
    Ok(())
}
