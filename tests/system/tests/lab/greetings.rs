use anyhow::Result;

use crate::site::Site;

const LANGUAGES: [&str; 3] = ["rust", "c", "python"];

/// One plan with all three. They share one service, so they go one after the other.
const PLAN: &str = r#"
[modules.greeting-rust]
on = "all"
settings = { greeting = "hello", path = "/etc/greeting/rust" }

[modules.greeting-c]
on = "all"
after = ["greeting-rust"]
settings = { greeting = "hello", path = "/etc/greeting/c" }

[modules.greeting-python]
on = "all"
after = ["greeting-c"]
settings = { greeting = "hello", path = "/etc/greeting/python" }
"#;

#[test]
fn greeting_in_three_languages() -> Result<()> {
    let site = Site::up(2)?;
    site.plan(PLAN)?;
    site.foresee(&[])?;
    let (first, foretold) = site.as_foreseen(&[])?;
    assert_eq!((foretold.exact, foretold.unknown), (20, 0), "{foretold}");
    for (language, changes) in [("rust", 4), ("c", 3), ("python", 3)] {
        for machine in ["m1", "m2"] {
            let module = format!("greeting-{language}");
            let changed = first.changes_of(&module, machine)?;
            assert_eq!(changed, changes, "{module} {machine}: {}", first.stderr);
        }
    }
    let started = "systemctl show greeting --property=MainPID,ActiveEnterTimestampMonotonic";
    let mut before = Vec::new();
    for (machine, peer) in [(1, 2), (2, 1)] {
        let wanted =
            format!("hello from m{machine}, member {machine}\npeer m{peer} 10.77.0.{peer}");
        for language in LANGUAGES {
            let said = site.on(
                machine,
                &format!("cat /etc/greeting/{language}/greeting.txt"),
            )?;
            assert_eq!(said, wanted);
        }
        assert_eq!(site.on(machine, "systemctl is-active greeting")?, "active");
        assert_eq!(
            site.on(machine, "systemctl is-enabled greeting")?,
            "enabled"
        );
        before.push(site.on(machine, started)?);
    }
    let second = site.run(&["--format", "json"], &[])?.ends_with(0);
    assert_eq!(second.changes()?, 0, "{}", second.written());
    assert_eq!([site.on(1, started)?, site.on(2, started)?], *before);

    // What somebody broke by hand is put back, and nothing else is touched.
    site.on(
        1,
        "echo no >/etc/greeting/c/greeting.txt; systemctl stop greeting",
    )?;
    let third = site.run(&["--format", "json"], &[])?.ends_with(0);
    // Started by the first module, then restarted for the second one's file.
    assert_eq!(third.changes()?, 3, "{}", third.written());
    assert_eq!(third.turn("greeting-c", "m2")?.0, "unchanged");
    assert_eq!(site.on(1, "systemctl is-active greeting")?, "active");
    assert_eq!(site.on(2, started)?, before[1]);
    Ok(())
}
