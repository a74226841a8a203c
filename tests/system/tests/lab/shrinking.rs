use anyhow::Result;

use crate::site::Site;

const KEYS: u64 = 200;

#[test]
fn a_machine_that_leaves_the_plan_is_drained_and_let_go() -> Result<()> {
    let site = Site::up(4)?;
    site.plan_of_the_example()?;
    let three = fs_err::read_to_string(site.path().join("plan.toml"))?;
    let four = three.replace("[1-3]", "[1-4]");
    assert_ne!(three, four, "the example names its machines otherwise now");

    fs_err::write(site.path().join("plan.toml"), four)?;
    site.run_redis(&[])?.ends_with(0);
    assert_eq!(site.view(1)?.masters().len(), 4);
    site.write_keys(1, KEYS)?;

    // The plan forgets the machine altogether: how to reach it stands in the lock.
    fs_err::write(site.path().join("plan.toml"), three)?;
    let foretold = site.run_redis(&["--dry-run"])?.ends_with(0);
    assert!(
        foretold.written().contains("del-node"),
        "{}",
        foretold.written()
    );
    assert_eq!(
        site.view(1)?.masters().len(),
        4,
        "a dry run changed the cluster"
    );
    site.run_redis(&[])?.ends_with(0);
    site.assert_sees(1, &[1, 2, 3])?;
    site.assert_keys(2, KEYS)?;
    assert!(!site.does(4, "systemctl is-active --quiet redis-server@7000")?);
    assert!(
        site.does(4, "test -d /var/lib/redis/7000")?,
        "its data is gone"
    );

    let again = site.run_redis(&["--format", "json"])?.ends_with(0);
    assert_eq!(again.changes()?, 0, "{}", again.written());
    Ok(())
}
