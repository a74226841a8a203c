use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::site::{Ran, Site, eventually};

/// A number of seconds that nobody else on the machine sleeps for.
const SLEEP: &str = "sleep 4711";

#[test]
fn an_interrupt_leaves_nothing_running() -> Result<()> {
    let site = Site::up(2)?;
    site.plan("[modules.sleeps]\non = \"all\"\nsettings = { seconds = 4711 }\n")?;
    let guests = cellhost_system_tests::guests().canonicalize()?;
    cellhost_system_tests::guest("sleeps")?;
    let guests = guests.to_str().context("a path in UTF-8")?;
    let child = site
        .cellhost(&["run", "--modules", guests], &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let sleeps = format!("pgrep -fx '{SLEEP}'");
    for machine in [1, 2] {
        eventually("it sleeps", Duration::from_secs(20), || {
            site.does(machine, &sleeps)
        })?;
    }
    let own = i32::try_from(child.id())?;
    let begun = Instant::now();
    kill_process(Pid::from_raw(own).context("a process")?, Signal::INT)?;
    let ran = Ran::of(&child.wait_with_output()?)?.ends_with(130);
    let took = begun.elapsed();
    assert!(
        took < Duration::from_secs(10),
        "{took:?}: {}",
        ran.written()
    );
    assert!(ran.stderr.contains("interrupted"), "{}", ran.stderr);
    for machine in [1, 2] {
        assert!(!site.does(machine, &sleeps)?, "m{machine} still sleeps");
    }
    Ok(())
}
