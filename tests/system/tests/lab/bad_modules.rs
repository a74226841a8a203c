use anyhow::Result;

use crate::site::Site;

#[test]
fn bad_modules_do_not_keep_a_good_one_from_its_work() -> Result<()> {
    let site = Site::up(1)?;
    site.plan(
        r#"
[modules.greeting-rust]
on = "all"
settings = { greeting = "hello" }

[modules.traps]
on = "all"

[modules.hungry]
on = "all"

[modules.loops]
on = "all"

[modules.follower]
module = "greeting-c"
on = "all"
after = ["traps"]
settings = { greeting = "hello" }
"#,
    )?;
    let ran = site.run(&["--format", "json"], &[])?.ends_with(3);
    assert_eq!(ran.turn("greeting-rust", "m1")?.0, "changed");
    assert_eq!(ran.turn("greeting-rust", "form")?.0, "unchanged");
    for (module, why) in [
        ("traps", "it crashed: "),
        ("hungry", "(limit `memory`)"),
        ("loops", "(limit `computing`)"),
    ] {
        let (status, reason) = ran.turn(module, "m1")?;
        assert_eq!(status, "failed", "{module}");
        let begin = format!("module `{module}` 0.1.0, apply on `m1`: ");
        assert!(
            reason.starts_with(&begin) && reason.contains(why),
            "{reason}"
        );
        assert!(ran.stderr.contains(&reason), "{}", ran.stderr);
        let (status, reason) = ran.turn(module, "form")?;
        assert_eq!(status, "skipped");
        assert_eq!(reason, "not all members were applied: m1");
    }
    let (status, reason) = ran.turn("follower", "form")?;
    assert_eq!(status, "skipped");
    assert_eq!(reason, "module `traps` did not finish");
    let said = site.on(1, "cat /etc/greeting/greeting.txt")?;
    assert_eq!(said, "hello from m1, member 1");
    assert_eq!(site.on(1, "systemctl is-active greeting")?, "active");
    Ok(())
}

#[test]
fn a_module_that_cannot_be_loaded_keeps_the_plan_from_running() -> Result<()> {
    let site = Site::up(1)?;
    site.plan(
        r#"
[modules.greeting-rust]
on = "all"
settings = { greeting = "hello" }

[modules.undeclared-import]
on = "all"
"#,
    )?;
    let before = site.fingerprints()?;
    let ran = site.run(&[], &[])?.ends_with(2);
    let words = "module `undeclared-import` 0.1.0 needs `acme:thing";
    assert!(ran.stderr.contains(words), "{}", ran.stderr);
    assert_eq!(site.fingerprints()?, before);
    Ok(())
}
