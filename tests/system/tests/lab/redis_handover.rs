//! A Redis cluster while its configuration changes: whoever restarts serves nothing then.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::redis::{OTHER, PASSWORD};
use crate::site::{Site, eventually};

const KEYS: u64 = 200;

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
    assert_eq!(takeovers(&site)?, [[0, 0], [0, 0], [0, 0]]);

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
        site.assert_sees(machine, &[1, 2, 3])?;
        let size = site.redis(machine, 7000, "CONFIG GET maxmemory")?;
        assert!(size.contains("314572800"), "{size}");
    }
    // Each replica has stood in for its master, and each master has taken its place back.
    let takeovers = takeovers(&site)?;
    let all_did = takeovers.iter().flatten().all(|count| *count > 0);
    assert!(all_did, "{takeovers:?}");
    site.assert_keys(2, KEYS)?;
    let again = site.run_redis(&["--format", "json"])?.ends_with(0);
    assert_eq!(again.changes()?, 0, "{}", again.written());
    Ok(())
}

#[test]
#[ignore = "takes minutes: `cargo xtask lab-test redis-cluster`"]
fn a_password_gives_way_to_another_and_no_instance_is_cut_off() -> Result<()> {
    let site = Site::up(3)?;
    let plan = |settings: &str| site.plan_of_redis("\"all\"", settings);
    plan("")?;
    site.run_redis(&[])?.ends_with(0);
    site.write_keys(1, KEYS)?;
    let secret = |name: &str| format!("password = {{ secret = \"{name}\" }}");
    let with = |own: &str, also: &str| -> Result<()> {
        plan(&format!(", also-accepted = [{also}]"))?;
        let path = site.path().join("plan.toml");
        let text = fs_err::read_to_string(&path)?;
        Ok(fs_err::write(
            path,
            text.replace(&secret("redis-password"), &secret(own)),
        )?)
    };

    // In one step, each instance would be cut off from those that have the old one.
    with("other", "")?;
    for machine in ["m1", "m2", "m3"] {
        site.is_refused(machine, "no instance takes the password of the plan")?;
    }
    site.assert_keys(2, KEYS)?;
    with("redis-password", "{ secret = \"other\" }")?;
    site.run_redis(&[])?.ends_with(0);
    with("other", "{ secret = \"redis-password\" }")?;
    site.run_redis(&[])?.ends_with(0);
    site.assert_settled(&[1, 2, 3])?;
    with("other", "")?;
    site.run_redis(&[])?.ends_with(0);
    for machine in 1..=3 {
        let ask = format!("REDISCLI_AUTH='{OTHER}' redis-cli -p 7000 INFO replication");
        let told = site.on(machine, &ask)?;
        assert!(told.contains("role:master"), "{told}");
        assert!(told.contains("connected_slaves:1"), "{told}");
        let ask = format!("REDISCLI_AUTH={PASSWORD} redis-cli -p 7000 PING 2>&1");
        let told = site.on(machine, &ask)?;
        assert!(told.contains("NOAUTH"), "{told}");
    }
    let again = site.run_redis(&["--format", "json"])?.ends_with(0);
    assert_eq!(again.changes()?, 0, "{}", again.written());
    Ok(())
}

/// How often each instance, by machine and port, took over from its master because it was told to.
fn takeovers(site: &Site) -> Result<Vec<[u32; 2]>> {
    let count = |machine: u16, port: u16| -> Result<u32> {
        let log = format!("/var/log/redis/redis-{port}.log");
        let count = format!("grep -c 'Manual failover user request accepted' {log} || true");
        Ok(site.on(machine, &count)?.parse()?)
    };
    (1..=3)
        .map(|machine| Ok([count(machine, 7000)?, count(machine, 7001)?]))
        .collect()
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
