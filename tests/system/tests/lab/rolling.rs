use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::site::{Ran, Site, eventually, number};

/// Makes the next start of a service last until somebody ends it.
const SLOW: &str = "mkdir -p /etc/systemd/system/pair-one.service.d && printf \
'[Service]\\nExecStartPre=/bin/sh -c \"[ -e /var/slow ] || { touch /run/slow /var/slow; sleep 60; }\"\\n' \
>/etc/systemd/system/pair-one.service.d/slow.conf && systemctl daemon-reload";

#[test]
fn a_roll_stops_at_the_machine_that_freezes_and_takes_nobody_else_down() -> Result<()> {
    let site = Site::up(3)?;
    cellhost_system_tests::guest("pair")?;
    let plan = |one: &str| {
        site.plan(&format!(
            "[modules.pair]\non = \"all\"\nsettings = {{ one = \"{one}\", other = \"same\" }}\n\
             rolling = {{ at-once = 1, patience = \"1m\" }}\n"
        ))?;
        let path = site.path().join("plan.toml");
        let text = fs_err::read_to_string(&path)?;
        let text = text.replace(
            "[ssh]\n",
            "[ssh]\nconnect-timeout = \"3s\"\nsilence = \"4s\"\n",
        );
        assert!(text.contains("silence"), "{text}");
        Ok::<_, anyhow::Error>(fs_err::write(path, text)?)
    };
    plan("first")?;
    site.run(&[], &[])?.ends_with(0);
    site.on(2, SLOW)?;
    plan("second")?;
    let guests = cellhost_system_tests::guests().canonicalize()?;
    let guests = guests.to_str().context("a path in UTF-8")?;
    let words = ["run", "--format", "json", "--modules", guests];
    let run = site
        .cellhost(&words, &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    eventually("m2 is in the middle", Duration::from_mins(1), || {
        site.does(2, "test -e /run/slow")
    })?;
    site.lab.freeze(number(2)?)?;
    let ran = Ran::of(&run.wait_with_output()?)?.ends_with(3);
    assert_eq!(ran.turn("pair", "m1")?.0, "changed", "{}", ran.written());
    assert_eq!(ran.turn("pair", "m2")?.0, "unreachable");
    let (status, reason) = ran.turn("pair", "m3")?;
    assert_eq!(status, "skipped", "{}", ran.written());
    assert_eq!(reason, "not taken: m2 failed");
    assert_eq!(site.on(3, "cat /var/lib/pair/one")?, "first");
    assert_eq!(site.on(3, "cat /etc/pair/one.conf")?, "first");
    site.lab.thaw(number(2)?)?;
    // What it was frozen in goes on; nobody waits for the end of that.
    site.on(2, "systemctl kill --signal=KILL pair-one || true")?;
    site.run(&[], &[])?.ends_with(0);
    for machine in 1..=3 {
        let starts = site.on(machine, "cat /var/lib/pair/one")?;
        assert_eq!(starts.lines().last(), Some("second"), "m{machine}");
    }
    Ok(())
}
