use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::site::{Ran, Site, eventually, number};

const KEYS: u64 = 200;

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

#[test]
fn a_change_rolls_through_a_redis_cluster_and_no_shard_is_ever_without_a_copy() -> Result<()> {
    let site = Site::up(3)?;
    site.plan_of_the_example()?;
    site.run_redis(&[])?.ends_with(0);
    site.write_keys(1, KEYS)?;
    eventually("every key has a copy", Duration::from_secs(20), || {
        Ok(site.copies(&[1, 2, 3])? == 2 * KEYS)
    })?;
    let founded: Vec<(u64, u64)> = absences(&site)?;

    let path = site.path().join("plan.toml");
    let plan = fs_err::read_to_string(&path)?;
    let changed = plan.replace("256mb", "300mb");
    assert_ne!(plan, changed, "the example has another size now");
    fs_err::write(&path, changed)?;
    let ran = site.run_redis(&["--format", "json"])?.ends_with(0);
    for machine in ["m1", "m2", "m3"] {
        let (status, _) = ran.turn("redis-cluster", machine)?;
        assert_eq!(status, "changed", "{}", ran.written());
    }

    // A machine has a master and another's replica: two of them away at once could be a shard.
    let mut absences = absences(&site)?;
    let last = founded.iter().map(|(_, back)| *back).max();
    assert!(absences.iter().all(|(away, _)| Some(*away) > last));
    absences.sort_unstable();
    for pair in absences.windows(2) {
        let [(_, back), (away, _)] = pair else {
            continue;
        };
        assert!(back < away, "two machines were away at once: {absences:?}");
    }
    for machine in 1..=3 {
        site.view(machine)?.assert_as_planned();
        let size = site.redis(machine, 7000, "CONFIG GET maxmemory")?;
        assert!(size.contains("314572800"), "{size}");
    }
    site.assert_keys(2, KEYS)?;
    let again = site.run_redis(&["--format", "json"])?.ends_with(0);
    assert_eq!(again.changes()?, 0, "{}", again.written());
    Ok(())
}

/// From when to when each machine had an instance that was away, by its services' own clocks: all
/// machines of a lab have the same.
fn absences(site: &Site) -> Result<Vec<(u64, u64)>> {
    let mut absences = Vec::new();
    for machine in 1..=3 {
        let mut times = Vec::new();
        for property in [
            "InactiveEnterTimestampMonotonic",
            "ActiveEnterTimestampMonotonic",
        ] {
            let show =
                format!("systemctl show --value -p {property} redis-server@7000 redis-server@7001");
            let shown = site.on(machine, &show)?;
            let words = shown.split_whitespace().map(str::parse::<u64>);
            times.push(words.collect::<Result<Vec<u64>, _>>()?);
        }
        let [away, back] = times.as_slice() else {
            anyhow::bail!("m{machine} says too little");
        };
        let away = away.iter().min().context("when it went")?;
        let back = back.iter().max().context("when it came")?;
        absences.push((*away, *back));
    }
    Ok(absences)
}
