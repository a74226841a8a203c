//! A Redis cluster that loses disks while nobody has missed their instances yet: they stay with those
//! that have a copy.

use std::time::Duration;

use anyhow::Result;

use crate::redis::PASSWORD;
use crate::site::{Site, eventually};

const KEYS: u64 = 300;
const PATIENCE: Duration = Duration::from_secs(30);
/// Nobody is missed within the test: none of the instances takes over by itself.
const LATE: &str = ", node-timeout = 60000";

impl Site {
    fn await_two_copies(&self) -> Result<()> {
        eventually("every key has a copy", PATIENCE, || {
            Ok(self.copies(&[1, 2, 3])? == 2 * KEYS)
        })
    }

    fn assert_nothing_is_lost(&self) -> Result<()> {
        self.assert_settled(&[1, 2, 3])?;
        self.assert_keys(1, KEYS)?;
        self.await_two_copies()
    }

    fn stop_all(&self) -> Result<()> {
        for machine in 1..=3 {
            self.on(
                machine,
                "systemctl stop redis-server@7000 redis-server@7001",
            )?;
        }
        Ok(())
    }
}

#[test]
#[ignore = "takes minutes: `cargo xtask lab-test redis-cluster`"]
fn a_master_without_its_disk_does_not_empty_its_replica() -> Result<()> {
    let site = Site::up(3)?;
    site.plan_of_redis("\"all\"", LATE)?;
    site.run_redis(&[])?.ends_with(0);
    site.write_keys(1, KEYS)?;
    site.await_two_copies()?;

    // Nobody but a run starts it without its disk, be there a directory in its place or not.
    site.on(
        2,
        "systemctl stop redis-server@7000; rm -rf /var/lib/redis/7000/*",
    )?;
    assert!(!site.does(2, "systemctl start redis-server@7000")?);
    let ping = format!("REDISCLI_AUTH={PASSWORD} redis-cli -p 7000 PING");
    assert!(!site.does(2, &ping)?);
    site.run_redis(&["--dry-run"])?.ends_with(0);
    site.run_redis(&[])?.ends_with(0);
    site.assert_nothing_is_lost()?;

    // All of them stop, and one of them without its disk: whoever has a copy is started before it, be
    // its own turn later or not.
    site.stop_all()?;
    site.on(2, "rm -rf /var/lib/redis/700?")?;
    site.run_redis(&[])?.ends_with(0);
    site.assert_nothing_is_lost()?;

    // The only copy cannot be started.
    site.stop_all()?;
    site.on(2, "rm -rf /var/lib/redis/7000")?;
    site.on(3, "systemctl mask --runtime redis-server@7001")?;
    site.is_refused(
        "m2",
        "m2:7000 has lost its data, and 10.77.0.3:7001, which has a copy, does not answer",
    )?;
    assert!(!site.does(2, &ping)?);
    site.on(3, "systemctl unmask --runtime redis-server@7001")?;
    site.run_redis(&[])?.ends_with(0);
    site.assert_nothing_is_lost()
}
