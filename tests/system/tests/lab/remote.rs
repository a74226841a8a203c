//! Operators who share a store, and machines that know nothing of it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::site::{Ran, Site, eventually};

const PATIENCE: Duration = Duration::from_secs(30);
/// A number of seconds that nobody else on the machine sleeps for.
const SLEEP: &str = "sleep 4713";

/// A module that is done at once, and one that sleeps.
fn plan(site: &Site) -> Result<PathBuf> {
    let store = site.path().join("store");
    fs_err::create_dir_all(&store)?;
    fs_err::set_permissions(&store, std::fs::Permissions::from_mode(0o700))?;
    site.plan(&format!(
        "[state]\nurl = \"file://{}\"\npatience = \"6s\"\n\
         [modules.greeting-rust]\non = \"all\"\nsettings = {{ greeting = \"mine\" }}\n\
         [modules.sleeps]\non = \"m1\"\nafter = [\"greeting-rust\"]\n\
         settings = {{ seconds = 4713, stubborn = false }}\n",
        store.display()
    ))?;
    Ok(store)
}

/// A run that goes on until it is ended.
struct Run(Child);

impl Run {
    fn start(site: &Site, verb: &str) -> Result<Self> {
        Self::start_on(site, verb, "state")
    }

    fn start_on(site: &Site, verb: &str, computer: &str) -> Result<Self> {
        let state = site.path().join(computer);
        let state = state.to_str().context("a path in UTF-8")?;
        let guests = cellhost_system_tests::guests().canonicalize()?;
        let guests = guests.to_str().context("a path in UTF-8")?;
        let mut command = site.cellhost(&[verb, "--modules", guests], &[("CELLHOST_STATE", state)]);
        let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
        let run = Self(command.spawn()?);
        let asleep = format!("pgrep -fx '{SLEEP}'");
        eventually("it sleeps", PATIENCE, || site.does(1, &asleep))?;
        Ok(run)
    }

    /// Ends it as an operator does, and looks that it ends in order.
    fn interrupt(mut self) -> Result<()> {
        let own = i32::try_from(self.0.id())?;
        kill_process(Pid::from_raw(own).context("a process")?, Signal::INT)?;
        let words = self.words()?;
        assert_eq!(self.0.wait()?.code(), Some(130), "{words}");
        Ok(())
    }

    fn words(&mut self) -> Result<String> {
        let stderr = self.0.stderr.take().context("what it wrote")?;
        Ok(std::io::read_to_string(stderr)?)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn tell(site: &Site, words: &[&str], computer: &str) -> Result<Ran> {
    let state = site.path().join(computer);
    let state = state.to_str().context("a path in UTF-8")?;
    Ran::of(
        &site
            .cellhost(words, &[("CELLHOST_STATE", state)])
            .output()?,
    )
}

#[test]
fn a_store_that_is_lost_ends_a_run_in_order_and_a_computer_that_is_lost_ends_nothing() -> Result<()>
{
    let site = Site::up(2)?;
    let store = plan(&site)?;
    // The store goes away in the middle: what runs on the machine is ended, and nothing is lost.
    let mut run = Run::start(&site, "run")?;
    let away = site.path().join("away");
    fs_err::rename(&store, &away)?;
    fs_err::write(&store, "no directory")?;
    let words = run.words()?;
    assert_eq!(run.0.wait()?.code(), Some(1), "{words}");
    assert!(
        words.contains("nothing more begins: the store `file://"),
        "{words}"
    );
    assert!(!site.does(1, &format!("pgrep -fx '{SLEEP}'"))?, "{words}");
    fs_err::remove_file(&store)?;
    fs_err::rename(&away, &store)?;
    // It is gone on with from here, and then its computer dies.
    let resumed = Run::start(&site, "resume")?;
    let own = i32::try_from(resumed.0.id())?;
    kill_process(Pid::from_raw(own).context("a process")?, Signal::KILL)?;
    drop(resumed);
    fs_err::remove_dir_all(site.path().join("state"))?;
    let refused = tell(&site, &["resume"], "elsewhere")?.ends_with(1);
    let whose = "another cellhost is at work on cell `lab`: `resume` of ";
    assert!(refused.stderr.contains(whose), "{}", refused.written());
    let unlocked = tell(&site, &["unlock", "--yes"], "elsewhere")?.ends_with(0);
    for words in ["cell lab: free", "m1: free"] {
        assert!(unlocked.stderr.contains(words), "{}", unlocked.written());
    }
    site.on(1, &format!("pkill -fx '{SLEEP}'; true"))?;
    // It is gone on with from elsewhere: what was done is not done again, what was cut off is.
    let resumed = Run::start_on(&site, "resume", "elsewhere")?;
    resumed.interrupt()?;
    for machine in [1, 2] {
        let found = site.on(machine, "cat /etc/greeting/greeting.txt")?;
        assert!(found.contains("mine"), "m{machine}: {found}");
        assert!(!site.does(machine, "test -e /var/lib/cellhost/lease")?);
    }
    let shown = tell(&site, &["runs", "--format", "json"], "third")?.ends_with(0);
    assert!(
        shown.stdout.contains("\"interrupted\""),
        "{}",
        shown.written()
    );
    assert_eq!(
        shown.stdout.matches("\"id\"").count(),
        1,
        "{}",
        shown.written()
    );
    Ok(())
}
