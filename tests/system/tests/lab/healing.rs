use std::time::Duration;

use anyhow::Result;

use crate::site::{Site, eventually, number};

const KEYS: u64 = 300;

#[test]
fn a_killed_machine_heals() -> Result<()> {
    let mut site = Site::up(3)?;
    site.plan_of_the_example()?;
    site.run_redis(&[])?.ends_with(0);
    site.write_keys(1, KEYS)?;
    eventually("every key has a copy", Duration::from_secs(20), || {
        Ok(site.copies(&[1, 2, 3])? == 2 * KEYS)
    })?;

    let lost = number(2)?;
    site.lab.kill(lost)?;
    let others = ["10.77.0.1", "10.77.0.3"];
    eventually("the others take over", Duration::from_mins(1), || {
        let view = site.view(1)?;
        let masters = view.masters();
        let here = masters.iter().all(|master| others.contains(master));
        Ok(view.is_ok() && masters.len() == 3 && here)
    })?;

    site.lab.start(lost)?;
    let mended = site.run_redis(&[])?.ends_with(0);
    // At once, while the members still tell each other: not to be taken for something to mend.
    let again = site.run_redis(&["--format", "json"])?.ends_with(0);
    let both = [mended.written(), again.written()].concat();
    assert_eq!(again.changes()?, 0, "{both}");
    for machine in 1..=3 {
        site.assert_sees(machine, &[1, 2, 3])?;
    }
    site.assert_keys(2, KEYS)
}
