//! A run that keeps to what was agreed to: whatever is not in it is stopped before it is sent.

use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use cellhost_effects::layers::{Approval, Deviation, Never};
use cellhost_effects::{Act, Agreement, EffectError, Hook};
use cellhost_engine::{Deployment, Status};
use cellhost_transport::{Node, Package, Request, State};

use crate::asking::{Asker, command, directory, file, probe, run, service, software};
use crate::greeting::plan;
use crate::stage::{Mode, Stage, Told, deploy};

const GREETING: &str = "/etc/greeting/greeting.txt";

const ASKS: &str = r#"
[[asks]]
why = "its own things"
paths = ["/etc/mine"]
commands = [["tool", "**"]]
packages = ["mine"]
services = ["mine"]
"#;

async fn agreed(stage: &Stage, deployment: &Deployment, agreement: Agreement) -> Result<Told> {
    let effects = stage.agreeing(agreement, Arc::new(Never), &stage.journal()?)?;
    Ok(stage.over(deployment, effects).await)
}

/// Whether a machine was sent anything that changes it.
fn was_changed(stage: &Stage, name: &str) -> bool {
    let machine = stage.fleet.machine(name).expect("a machine");
    let requests = machine.requests();
    requests
        .iter()
        .any(|request| matches!(request, Request::Settle(_) | Request::Command(_)))
}

/// Agrees to what a fresh greeting needs, changes `m2`, and runs: `m2` is refused with these words
/// and sent nothing, the others are brought where they should be.
async fn assert_stopped(
    prepare: impl Fn(&mut State),
    change: impl Fn(&mut State),
    words: &str,
) -> Result<()> {
    let stage = Stage::new()?;
    let deployment = deploy(&plan("greeting-rust")).await?;
    let m2 = stage.fleet.machine("m2").context("m2")?;
    prepare(&mut m2.state());
    let agreement = stage.foreseen(&deployment).await?;
    change(&mut m2.state());
    let before = format!("{:?}", *m2.state());
    for machine in stage.fleet.machines() {
        machine.forget_requests();
    }
    let told = agreed(&stage, &deployment, agreement).await?;
    let rows = told.rows("greeting-rust");
    let row = rows.get("m2").context("m2")?;
    let Status::Failed(why) = &row.status else {
        panic!("{words}: {:?}", row.status);
    };
    assert!(why.contains(words), "{why}");
    assert!(!was_changed(&stage, "m2"), "{words}: something was sent");
    assert_eq!(format!("{:?}", *m2.state()), before, "{words}");
    for other in ["m1", "m3"] {
        let row = rows.get(other).context(other)?;
        assert_eq!(row.status, Status::Changed(4), "{words}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn does_what_was_agreed_to_and_then_nothing_more() -> Result<()> {
    let stage = Stage::new()?;
    let deployment = deploy(&plan("greeting-rust")).await?;
    let agreement = stage.foreseen(&deployment).await?;
    let told = agreed(&stage, &deployment, agreement.clone()).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    assert_eq!(told.summary.changes(), 12);
    // Fewer changes than were agreed to are fine.
    let told = agreed(&stage, &deployment, agreement).await?;
    assert!(told.summary.is_good() && told.summary.changes() == 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_changed_in_between_is_left_alone() -> Result<()> {
    let nothing = |_: &mut State| {};
    assert_stopped(
        nothing,
        |state| state.write(GREETING, "by hand\n"),
        GREETING,
    )
    .await?;
    // The right content already, and another mode.
    let written = |state: &mut State| {
        let text = "to be replaced\n";
        state.write(GREETING, text);
    };
    let mode = |state: &mut State| {
        let node = state.nodes.get_mut(GREETING).expect("a file");
        node.mode = 0o600;
    };
    assert_stopped(written, mode, "mode 0600 -> 0644").await?;
    let content = |state: &mut State| state.write(GREETING, "something else\n");
    assert_stopped(written, content, "is not what was looked at").await?;
    let link = |state: &mut State| {
        let node = Node::link("/etc/shadow");
        state.nodes.insert(GREETING.to_owned(), node);
    };
    assert_stopped(written, link, "replace a link").await?;
    let gone = |state: &mut State| drop(state.nodes.remove(GREETING));
    assert_stopped(written, gone, "create").await?;
    let in_the_way = |state: &mut State| state.write("/etc/greeting", "a file\n");
    assert_stopped(nothing, in_the_way, "in the way").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_was_stopped_in_between_is_not_started() -> Result<()> {
    let stage = Stage::new()?;
    let deployment = deploy(&plan("greeting-rust")).await?;
    stage.run(&deployment, Mode::Real).await?;
    let m2 = stage.fleet.machine("m2").context("m2")?;
    m2.state().write(GREETING, "by hand\n");
    let agreement = stage.foreseen(&deployment).await?;
    m2.state()
        .services
        .get_mut("greeting")
        .context("it")?
        .running = false;
    m2.forget_requests();
    let told = agreed(&stage, &deployment, agreement).await?;
    let Status::Failed(why) = &told.rows("greeting-rust")["m2"].status else {
        panic!("{:?}", told.summary);
    };
    assert!(why.contains("service greeting: start"), "{why}");
    assert!(!was_changed(&stage, "m2"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_between_the_look_and_the_settling_is_not_overwritten() -> Result<()> {
    let stage = Stage::new()?;
    let deployment = deploy(&plan("greeting-rust")).await?;
    let m2 = stage.fleet.machine("m2").context("m2")?;
    m2.state().write(GREETING, "as agreed\n");
    let agreement = stage.foreseen(&deployment).await?;
    let (own, mut hit) = (m2.clone(), false);
    m2.fault(move |_, request| {
        if matches!(request, Request::Settle(_)) && !std::mem::replace(&mut hit, true) {
            own.state().write(GREETING, "in the last moment\n");
        }
        cellhost_transport::Fault::None
    });
    let told = agreed(&stage, &deployment, agreement).await?;
    let Status::Failed(why) = &told.rows("greeting-rust")["m2"].status else {
        panic!("{:?}", told.summary);
    };
    assert!(why.contains("is not what was looked at"), "{why}");
    assert_eq!(stage.text("m2", GREETING), "in the last moment\n");
    Ok(())
}

/// Somebody who notes what he asks for, or may ask for no more than was noted.
fn asker(
    stage: &Stage,
    agreement: Option<Agreement>,
) -> Result<(Asker, Box<dyn Fn() -> Agreement>)> {
    let journal = stage.journal()?;
    if let Some(agreement) = agreement {
        let effects = stage.agreeing(agreement.clone(), Arc::new(Never), &journal)?;
        let asker = Asker::before(effects, journal, Hook::Apply, ASKS)?;
        return Ok((asker, Box::new(move || agreement.clone())));
    }
    let (effects, notes) = stage.noting();
    let asker = Asker::before(effects, journal, Hook::Apply, ASKS)?;
    Ok((asker, Box::new(move || notes.agreement())))
}

fn stage() -> Result<Stage> {
    let stage = Stage::new()?;
    let m1 = stage.fleet.machine("m1").context("m1")?;
    m1.state()
        .offer("mine", Package::new("1").with_service("mine"));
    m1.answer(&["tool", ".."], |_, _| "told\n".into());
    Ok(stage)
}

fn refused(result: Result<cellhost_effects::Outcome, EffectError>) -> String {
    match result {
        Err(EffectError::NotAgreed { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_package_that_is_missing_by_now_is_not_installed() -> Result<()> {
    let stage = stage()?;
    let m1 = stage.fleet.machine("m1").context("m1")?;
    m1.state()
        .installed
        .insert("mine".to_owned(), "1".to_owned());
    let list = || Act::Ensure(vec![software("mine"), directory("/etc/mine")]);
    let (dry, notes) = asker(&stage, None)?;
    dry.ask(list()).await?;
    m1.state().installed.clear();
    let (real, _) = asker(&stage, Some(notes()))?;
    let why = refused(real.ask(list()).await);
    assert!(
        why.contains("software mine: install mine (was not agreed to)"),
        "{why}"
    );
    assert!(m1.state().installed.is_empty());
    // Nothing more of that turn goes on, not even a look.
    let why = refused(real.ask(probe(command(&["tool", "look"]))).await);
    assert!(why.contains("install mine"), "{why}");
    Ok(())
}

#[tokio::test]
async fn what_only_shows_behind_a_package_is_agreed_to_by_what_it_is_about() -> Result<()> {
    let stage = stage()?;
    let list = || {
        Act::Ensure(vec![
            software("mine"),
            directory("/etc/mine"),
            file("/etc/mine/x", "x\n"),
            service("mine"),
        ])
    };
    let (dry, notes) = asker(&stage, None)?;
    dry.ask(list()).await?;
    let (real, _) = asker(&stage, Some(notes()))?;
    real.ask(list()).await?;
    assert_eq!(stage.text("m1", "/etc/mine/x"), "x\n");

    // Another content is another wish, however unsure it was.
    let stage = self::stage()?;
    let (dry, notes) = asker(&stage, None)?;
    dry.ask(list()).await?;
    let (real, _) = asker(&stage, Some(notes()))?;
    let other = Act::Ensure(vec![
        software("mine"),
        directory("/etc/mine"),
        file("/etc/mine/x", "y\n"),
    ]);
    let why = refused(real.ask(other).await);
    assert!(why.contains("something else is wished for"), "{why}");
    assert!(
        stage
            .fleet
            .machine("m1")
            .context("m1")?
            .state()
            .read("/etc/mine/x")
            .is_none()
    );
    Ok(())
}

#[tokio::test]
async fn a_command_runs_as_often_as_was_agreed_and_no_other_does() -> Result<()> {
    let stage = stage()?;
    let m1 = stage.fleet.machine("m1").context("m1")?;
    let (dry, notes) = asker(&stage, None)?;
    let known = Act::Probe {
        command: command(&["tool", "id"]),
        assumed: Some("identity-of-m1 1\n".into()),
    };
    dry.ask(run(command(&["tool", "once"]))).await?;
    dry.ask(known.clone()).await?;
    dry.ask(run(command(&["tool", "join", "identity-of-m1", "1"])))
        .await?;
    let agreement = notes();
    let (real, _) = asker(&stage, Some(agreement.clone()))?;
    real.ask(run(command(&["tool", "once"]))).await?;
    // What the program calls itself is known only by then, and the number is not such a word.
    real.ask(run(command(&["tool", "join", "4711cafe", "1"])))
        .await?;
    let why = refused(real.ask(run(command(&["tool", "once"]))).await);
    assert!(why.contains("or not as often"), "{why}");
    let (real, _) = asker(&stage, Some(agreement.clone()))?;
    refused(
        real.ask(run(command(&["tool", "join", "4711cafe", "2"])))
            .await,
    );
    let (real, _) = asker(&stage, Some(agreement))?;
    let mut other = command(&["tool", "once"]);
    other.input = cellhost_effects::Input::Bytes(b"another word".to_vec());
    refused(real.ask(run(other)).await);
    let words = ["tool once", "tool join 4711cafe 1"];
    let ran: Vec<String> = m1.commands().iter().map(|argv| argv.join(" ")).collect();
    assert_eq!(ran, words);
    Ok(())
}

/// Says yes to what it is told to, and keeps what it was asked.
struct Operator {
    yes: &'static str,
    asked: Mutex<Vec<Deviation>>,
}

#[async_trait]
impl Approval for Operator {
    async fn allows(&self, deviation: &Deviation) -> bool {
        self.asked
            .lock()
            .expect("not poisoned")
            .push(deviation.clone());
        deviation.lines.iter().all(|line| line.contains(self.yes))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_may_allow_one_and_not_the_other() -> Result<()> {
    let stage = Stage::new()?;
    let deployment = deploy(&plan("greeting-rust")).await?;
    let agreement = stage.foreseen(&deployment).await?;
    let at = |name: &str| stage.fleet.machine(name).context("a machine");
    at("m1")?.state().write(GREETING, "by hand\n");
    at("m2")?
        .state()
        .write("/etc/systemd/system/greeting.service", "by hand\n");
    let operator = Arc::new(Operator {
        yes: "greeting.txt",
        asked: Mutex::default(),
    });
    let effects = stage.agreeing(agreement, operator.clone(), &stage.journal()?)?;
    let told = stage.over(&deployment, effects).await;
    let rows = told.rows("greeting-rust");
    assert!(rows["m1"].status.is_good(), "{:?}", rows["m1"]);
    assert!(!rows["m2"].status.is_good(), "{:?}", rows["m2"]);
    assert_eq!(operator.asked.lock().expect("not poisoned").len(), 2);
    Ok(())
}

#[test]
fn a_hash_of_what_may_be_secret_is_hidden() {
    let veiled = Agreement::veiled("salt", "hash");
    assert_ne!(veiled, Agreement::veiled("other", "hash"));
    assert_ne!(veiled, Agreement::veiled("salt", "hush"));
    assert_eq!(veiled, Agreement::veiled("salt", "hash"));
}
