use anyhow::Result;

use crate::site::{Site, number};

const PLAN: &str = r#"
[modules.greeting-rust]
on = "all"
settings = { greeting = "hello" }
"#;

/// A plan that does not wait long for a machine.
fn impatient(site: &Site) -> Result<()> {
    site.plan(PLAN)?;
    let path = site.path().join("plan.toml");
    let plan = fs_err::read_to_string(&path)?;
    let plan = plan.replace("[ssh]\n", "[ssh]\nconnect-timeout = \"3s\"\n");
    assert!(plan.contains("connect-timeout"), "{plan}");
    Ok(fs_err::write(path, plan)?)
}

/// One machine is lost in some way: the others are done, and the words say what is wrong.
fn goes_on_without(site: &Site, stage: &str) -> Result<()> {
    let ran = site.run(&["--format", "json"], &[])?.ends_with(3);
    assert_eq!(ran.turn("greeting-rust", "m1")?.0, "changed");
    assert_eq!(ran.turn("greeting-rust", "m3")?.0, "changed");
    let (status, reason) = ran.turn("greeting-rust", "m2")?;
    assert_eq!(status, "unreachable", "{}", ran.written());
    let words = format!("machine `m2` cannot be reached ({stage})");
    assert!(reason.contains(&words), "{reason}");
    let (status, reason) = ran.turn("greeting-rust", "form")?;
    assert_eq!(status, "skipped", "{}", ran.written());
    assert_eq!(reason, "not all members were applied: m2");
    Ok(())
}

fn is_fine_again(site: &Site) -> Result<()> {
    let ran = site.run(&["--format", "json"], &[])?.ends_with(0);
    assert_eq!(ran.turn("greeting-rust", "m1")?.0, "unchanged");
    assert_eq!(ran.turn("greeting-rust", "m2")?.0, "changed");
    assert_eq!(ran.turn("greeting-rust", "form")?.0, "unchanged");
    let ran = site.run(&["--format", "json"], &[])?.ends_with(0);
    assert_eq!(ran.changes()?, 0, "{}", ran.written());
    Ok(())
}

#[test]
fn a_frozen_machine_is_reported_and_the_others_are_done() -> Result<()> {
    let site = Site::up(3)?;
    impatient(&site)?;
    site.lab.freeze(number(2)?)?;
    goes_on_without(&site, "waiting for its greeting")?;
    site.lab.thaw(number(2)?)?;
    is_fine_again(&site)
}

#[test]
fn a_machine_without_a_cable_is_reported_and_the_others_are_done() -> Result<()> {
    let mut site = Site::up(3)?;
    impatient(&site)?;
    site.lab.cut(number(2)?)?;
    goes_on_without(&site, "connecting")?;
    site.lab.heal(number(2)?)?;
    is_fine_again(&site)
}
