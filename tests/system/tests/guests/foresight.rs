use anyhow::Result;
use cellhost_effects::{Act, EffectError, Found, Hook, Settlement};
use cellhost_transport::{Package, Request};

use crate::asking::{Asker, command, directory, file, probe, run, service, software};
use crate::stage::{Mode, Stage};

const ASKS: &str = r#"
[[asks]]
why = "its own things"
paths = ["/etc/mine"]
commands = [["tool", "**"]]
packages = ["mine"]
services = ["mine"]
"#;

fn stage() -> Result<Stage> {
    let stage = Stage::new()?;
    let m1 = stage.fleet.machine("m1").expect("m1");
    m1.state()
        .offer("mine", Package::new("1").with_service("mine"));
    m1.answer(&["tool", ".."], |_, _| "real".into());
    Ok(stage)
}

fn list() -> Act {
    Act::Ensure(vec![
        software("mine"),
        directory("/etc/mine"),
        file("/etc/mine/file", "text\n"),
        service("mine"),
    ])
}

async fn is_foreseen(asker: &Asker, act: Act) -> bool {
    matches!(asker.ask(act).await, Err(EffectError::Foreseen))
}

#[tokio::test]
async fn a_foreseeing_turn_ends_where_it_would_change_something_and_changes_nothing() -> Result<()>
{
    let stage = stage()?;
    let before = stage.state();
    let asker = Asker::new(&stage, Mode::Real, Hook::Foresee, ASKS)?;
    assert!(is_foreseen(&asker, list()).await);
    assert!(is_foreseen(&asker, run(command(&["tool", "change"]))).await);
    assert_eq!(stage.state(), before);
    let m1 = stage.fleet.machine("m1").expect("m1");
    assert!(m1.commands().is_empty(), "a command was sent");
    assert!(asker.ask(probe(command(&["tool", "look"]))).await.is_ok());
    Ok(())
}

#[tokio::test]
async fn a_foreseeing_turn_that_meets_no_change_has_done_what_an_apply_would() -> Result<()> {
    let stage = stage()?;
    let apply = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
    apply.ask(list()).await?;
    let m1 = stage.fleet.machine("m1").expect("m1");
    m1.forget_requests();
    let foresee = apply.taking(Hook::Foresee);
    let Found::Settled(settled) = foresee.ask(list()).await?.found else {
        panic!("not settled");
    };
    assert_eq!(settled.len(), 4);
    assert!(!settled.iter().any(Settlement::changed), "{settled:?}");
    let requests = m1.requests();
    assert!(
        matches!(requests.as_slice(), [Request::Look(_)]),
        "{requests:?}"
    );
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_met_is_told_as_apply_would_tell_it() -> Result<()> {
    let stage = stage()?;
    let asker = Asker::new(&stage, Mode::Real, Hook::Foresee, ASKS)?;
    let asked = asker.ask(Act::Ensure(vec![file("/etc/other", "x")])).await;
    assert!(
        matches!(asked, Err(EffectError::Denied { .. })),
        "{asked:?}"
    );
    Ok(())
}

#[tokio::test]
async fn foresees_in_a_dry_run_what_its_real_run_would_find() -> Result<()> {
    let stage = stage()?;
    let before = stage.state();
    let apply = Asker::new(&stage, Mode::Dry, Hook::Apply, ASKS)?;
    let foresee = apply.taking(Hook::Foresee);
    assert!(is_foreseen(&foresee, list()).await);
    apply.ask(list()).await?;
    assert!(!is_foreseen(&foresee, list()).await, "it was held back");
    assert_eq!(stage.state(), before);
    Ok(())
}
