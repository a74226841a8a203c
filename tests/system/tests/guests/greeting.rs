use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use cellhost_effects::Hook;
use cellhost_engine::{Deployment, Placed, Status};
use cellhost_runtime::Condition;
use cellhost_transport::Answer;
use serde_json::Value;

use crate::stage::{Mode, NAMES, Stage, context, deploy};

/// The same module in three languages.
pub(crate) const GUESTS: [&str; 3] = ["greeting-rust", "greeting-c", "greeting-python"];

/// Words that JSON, templates and C all have their own ideas about.
const GREETING: &str = r#"caf\u00e9 \"{{ x }}\" \\ \t\ud83e\udd80"#;

pub(crate) fn plan(guest: &str) -> String {
    // TOML has no surrogates; JSON, which modules get, may.
    let greeting = GREETING.replace(r"\ud83e\udd80", r"\U0001F980");
    format!("[modules.{guest}]\non = \"all\"\nsettings = {{ greeting = \"{greeting}\" }}\n")
}

fn placed(deployment: &Deployment) -> Result<&Placed> {
    deployment.modules.first().context("a module")
}

/// Everything that was asked for and what came of it, without the module's name, by the turn.
fn effects(journal: Vec<Value>, guest: &str) -> Result<BTreeMap<String, Vec<String>>> {
    let mut effects: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for mut record in journal {
        let mut body = record.get_mut("body").context("a body")?.take();
        if body.get("effect").is_none() {
            continue;
        }
        // The module's name is part of what is asked.
        body.as_object_mut().context("a body")?.remove("digest");
        let machine = body.pointer("/effect/machine-of-turn").context("a turn")?;
        let text = format!("{} {body}", record.get("kind").context("a kind")?);
        let lines = effects.entry(machine.to_string()).or_default();
        lines.push(text.replace(guest, "{guest}"));
    }
    Ok(effects)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_module_does_the_same_in_every_language() -> Result<()> {
    let mut all = Vec::new();
    for guest in GUESTS {
        let stage = Stage::new()?;
        let deployment = deploy(&plan(guest)).await?;
        let told = stage.run(&deployment, Mode::Real).await?;
        assert!(told.summary.is_good(), "{:?}", told.summary);
        let nodes: Vec<_> = stage
            .fleet
            .machines()
            .map(|machine| machine.state().nodes.clone())
            .collect();
        let outputs: Vec<_> = deployment
            .outputs
            .iter()
            .map(|((module, key), value)| {
                assert_eq!(module, guest);
                (key.clone(), value.clone())
            })
            .collect();
        let stack = stage.stack(Mode::Real, &stage.journal()?)?;
        let form = context(placed(&deployment)?, Hook::Form, None, stack);
        let published = placed(&deployment)?.module.form(form).await?.published;
        all.push((effects(told.records()?, guest)?, nodes, outputs, published));
    }
    let (effects, nodes, outputs, published) = &all[0];
    for (other, guest) in all.iter().zip(GUESTS) {
        assert_eq!(effects, &other.0, "{guest}");
        assert_eq!(nodes, &other.1, "{guest}");
        assert_eq!(outputs, &other.2, "{guest}");
        assert_eq!(published, &other.3, "{guest}");
    }
    assert_eq!(effects.len(), 3, "{effects:?}");
    let path = ("path".to_owned(), "/etc/greeting/greeting.txt".to_owned());
    assert_eq!(*outputs, [path]);
    assert_eq!(*published, [("members".to_owned(), "3".to_owned())]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_what_the_real_run_does_and_the_next_one_does_nothing() -> Result<()> {
    for guest in GUESTS {
        let stage = Stage::new()?;
        let deployment = deploy(&plan(guest)).await?;
        let before = stage.state();
        let dry = stage.run(&deployment, Mode::Dry).await?;
        assert_eq!(stage.state(), before, "{guest}");
        let real = stage.run(&deployment, Mode::Real).await?;
        assert_eq!(dry.changes(), real.changes(), "{guest}");
        assert_eq!(dry.summary.changes(), 12, "{guest}: {:?}", dry.summary);
        assert_eq!(real.summary.changes(), 12, "{guest}: {:?}", real.summary);
        for mode in [Mode::Real, Mode::Dry] {
            let before = stage.state();
            let again = stage.run(&deployment, mode).await?;
            assert_eq!(again.changes(), BTreeMap::new(), "{guest}");
            assert_eq!(again.summary.changes(), 0, "{guest}");
            assert_eq!(stage.state(), before, "{guest}");
        }
        let said = stage.text("m2", "/etc/greeting/greeting.txt");
        let wanted =
            "café \"{{ x }}\" \\ \t🦀 from m2, member 2\npeer m1 10.0.0.1\npeer m3 10.0.0.3\n";
        assert_eq!(said, wanted, "{guest}");
        for machine in stage.fleet.machines() {
            let service = machine.state().service("greeting").context("a service")?;
            assert!(service.enabled && service.running);
            assert_eq!(service.starts, 1, "{guest}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_by_hand_is_put_back_and_restarts_the_service_once() -> Result<()> {
    for guest in GUESTS {
        let stage = Stage::new()?;
        let deployment = deploy(&plan(guest)).await?;
        stage.run(&deployment, Mode::Real).await?;
        let machine = stage.fleet.machine("m3").context("m3")?;
        machine
            .state()
            .write("/etc/greeting/greeting.txt", "hand\n");
        let dry = stage.run(&deployment, Mode::Dry).await?;
        let real = stage.run(&deployment, Mode::Real).await?;
        assert_eq!(dry.changes(), real.changes(), "{guest}");
        let rows = real.rows(guest);
        assert_eq!(rows["m1"].status, Status::Unchanged, "{guest}");
        assert_eq!(rows["m3"].status, Status::Changed(2), "{guest}");
        let service = machine.state().service("greeting").context("a service")?;
        assert_eq!(service.restarts, 1, "{guest}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn says_how_the_service_is_and_changes_nothing_by_it() -> Result<()> {
    for guest in GUESTS {
        let stage = Stage::new()?;
        let deployment = deploy(&plan(guest)).await?;
        stage.run(&deployment, Mode::Real).await?;
        let placed = placed(&deployment)?;
        let machine = stage.fleet.machine("m1").context("m1")?;
        for (output, status, wanted) in [
            ("active\n", 0, Condition::Healthy),
            ("failed\n", 3, Condition::Down("greeting is failed".into())),
        ] {
            machine.answer(&["systemctl", "is-active", "greeting"], move |_, _| {
                Answer {
                    status,
                    output: output.into(),
                    errors: Vec::new(),
                }
            });
            let before = stage.state();
            let stack = stage.stack(Mode::Real, &stage.journal()?)?;
            let health = context(placed, Hook::Health, Some("m1"), stack);
            assert_eq!(placed.module.health(health).await?, wanted, "{guest}");
            assert_eq!(stage.state(), before, "{guest}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_leaves_nothing() -> Result<()> {
    for guest in GUESTS {
        let stage = Stage::new()?;
        let fresh = Stage::new()?;
        let deployment = deploy(&plan(guest)).await?;
        stage.run(&deployment, Mode::Real).await?;
        let placed = placed(&deployment)?;
        for (purge, stays) in [(false, true), (true, false)] {
            for name in NAMES {
                let stack = stage.stack(Mode::Real, &stage.journal()?)?;
                let remove = context(placed, Hook::Remove, Some(name), stack);
                placed.module.remove(remove, purge).await?;
                let machine = stage.fleet.machine(name).context(name)?;
                let state = machine.state();
                assert_eq!(state.nodes.contains_key("/etc/greeting"), stays, "{guest}");
                assert!(!state.nodes.contains_key("/etc/greeting/greeting.txt"));
                let running = state.services.values().any(|it| it.running || it.enabled);
                assert!(!running, "{guest}");
            }
        }
        for name in NAMES {
            let nodes = |stage: &Stage| {
                let machine = stage.fleet.machine(name);
                machine.map(|machine| machine.state().nodes.clone())
            };
            assert_eq!(nodes(&stage), nodes(&fresh), "{guest}");
        }
    }
    Ok(())
}
