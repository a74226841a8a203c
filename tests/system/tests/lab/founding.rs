use anyhow::Result;

use crate::site::Site;

#[test]
fn redis_cluster_is_founded_and_a_second_run_changes_nothing() -> Result<()> {
    let site = Site::up(3)?;
    site.plan_of_the_example()?;
    let first = site.run_redis(&["--format", "json"])?.ends_with(0);
    assert!(first.changes()? > 0, "{}", first.written());
    for machine in 1..=3 {
        site.assert_sees(machine, &[1, 2, 3])?;
    }
    let before = site.fingerprints()?;
    let second = site.run_redis(&["--format", "json"])?.ends_with(0);
    assert_eq!(second.changes()?, 0, "{}", second.written());
    let after = site.fingerprints()?;
    // A cluster writes to its own log and data whenever it likes; nothing else may differ.
    for (before, after) in before.iter().zip(&after) {
        let others = |lines: &[String]| -> Vec<String> {
            let own = ["var/lib/redis", "var/log", "var/lib/systemd"];
            let kept = lines.iter().filter(|line| {
                line.contains(' ') && !own.iter().any(|place| line.starts_with(place))
            });
            kept.cloned().collect()
        };
        assert_eq!(others(before), others(after));
    }
    Ok(())
}
