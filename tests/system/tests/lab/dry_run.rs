use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::redis::PASSWORD;
use crate::site::{Ran, Site};

#[test]
fn a_dry_run_changes_nothing() -> Result<()> {
    let site = Site::up(3)?;
    site.plan_of_the_example()?;
    let variables = [("REDIS_PASSWORD", PASSWORD)];
    let dry = site.foresee(&variables)?;
    assert!(!dry.written().contains(PASSWORD), "{}", dry.written());

    // Each file with its difference, and each command.
    let count = |text: &str| dry.stderr.matches(text).count();
    for file in [
        "etc/redis/redis-7000.conf",
        "etc/redis/redis-7001.conf",
        "etc/sysctl.d/60-redis-cluster.conf",
    ] {
        assert_eq!(count(&format!("file /{file}: create")), 3, "{}", dry.stderr);
        assert_eq!(count(&format!("+++ /{file}\n")), 3, "{}", dry.stderr);
    }
    assert_eq!(count("+requirepass \"[secret:redis-password]\""), 6);
    assert_eq!(count("install redis-server redis-tools"), 3);
    assert_eq!(count("CLUSTER MEET"), 5);
    assert_eq!(count("CLUSTER ADDSLOTSRANGE"), 3);
    assert_eq!(count("CLUSTER REPLICATE"), 3);
    assert!(dry.stdout.contains(" would change ("), "{}", dry.stdout);
    assert!(!site.journals()?.contains(PASSWORD));
    let kept = fs_err::read_to_string(site.path().join("kept.json"))?;
    assert!(!kept.contains(PASSWORD));

    // What was kept is done, and what was certain comes about just so.
    let (_, foretold) = site.as_foreseen(&variables)?;
    assert!(foretold.exact >= 6, "{foretold}");
    assert_eq!(foretold.unknown, 0, "{foretold}");
    let formed = format!("REDISCLI_AUTH={PASSWORD} redis-cli -p 7000 CLUSTER INFO");
    assert!(site.on(1, &formed)?.contains("cluster_slots_ok:16384"));

    // Nothing is left to do, until somebody changes a file; and then all of it goes.
    let guests = cellhost_system_tests::guests().canonicalize()?;
    let guests = guests.to_str().context("a path that is text")?;
    let tell = |words: &[&str]| Ran::of(&site.cellhost(words, &variables).output()?);
    let drift = ["drift", "--modules", guests, "--format", "json"];
    let none = tell(&drift)?.ends_with(0);
    assert_eq!(none.summary()?.get("drift"), Some(&Value::Bool(false)));
    // An instance that is down is assumed to come back as itself: the cluster is not torn apart.
    site.on(2, "systemctl stop redis-server@7001")?;
    let stopped = tell(&drift)?.ends_with(4).summary()?;
    let differences = stopped.get("differences").and_then(Value::as_array);
    let subjects: Vec<&Value> = differences
        .into_iter()
        .flatten()
        .filter_map(|difference| difference.get("subject"))
        .collect();
    assert_eq!(subjects, ["service redis-server@7001"], "{stopped}");
    site.on(2, "systemctl start redis-server@7001")?;
    site.on(2, "echo '# by hand' >>/etc/redis/redis-7001.conf")?;
    let some = tell(&drift)?.ends_with(4);
    assert!(
        some.stdout.contains("/etc/redis/redis-7001.conf"),
        "{}",
        some.stdout
    );
    tell(&["remove", "--modules", guests])?.ends_with(2);
    let cell = ["remove", "--modules", guests, "--yes-remove", "redis"];
    tell(&cell)?.ends_with(0);
    for machine in 1..=3 {
        assert!(!site.does(machine, "systemctl is-active --quiet redis-server@7000")?);
        assert!(!site.does(machine, "test -e /etc/redis/redis-7000.conf")?);
        assert!(site.does(machine, "test -d /var/lib/redis/7000")?);
    }
    // The numbers that data is known by stay as long as it does.
    let lock = || fs_err::read_to_string(site.path().join("cellhost.lock"));
    assert!(lock()?.contains("address"), "{}", lock()?);
    let with_data = [&cell[..], &["--purge-data"]].concat();
    tell(&with_data)?.ends_with(0);
    assert!(!lock()?.contains("address"), "{}", lock()?);
    assert!(!site.does(1, "test -e /var/lib/redis/7000")?);
    Ok(())
}
