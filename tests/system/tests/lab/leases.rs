use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::site::{Ran, Site, eventually};

const PATIENCE: Duration = Duration::from_secs(30);
/// A number of seconds that nobody else on the machine sleeps for.
const SLEEP: &str = "sleep 4712";
const LEASE: &str = "/var/lib/cellhost/lease";

/// Who comes from elsewhere: another state directory.
fn elsewhere(site: &Site) -> Result<String> {
    let state = site.path().join("elsewhere");
    Ok(state.to_str().context("a path in UTF-8")?.to_owned())
}

fn greets(greeting: &str) -> String {
    format!("[modules.greeting-rust]\non = \"all\"\nsettings = {{ greeting = \"{greeting}\" }}\n")
}

fn sleeps() -> &'static str {
    "[modules.sleeps]\non = \"all\"\nsettings = { seconds = 4712, stubborn = false }\n"
}

/// A run that goes on until it is ended.
struct Run(Child);

impl Run {
    fn start(site: &Site) -> Result<Self> {
        let guests = cellhost_system_tests::guests().canonicalize()?;
        let guests = guests.to_str().context("a path in UTF-8")?;
        let mut command = site.cellhost(&["run", "--modules", guests], &[]);
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self(command.spawn()?))
    }

    fn end_by(mut self, signal: Signal) -> Result<()> {
        let own = i32::try_from(self.0.id())?;
        kill_process(Pid::from_raw(own).context("a process")?, signal)?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn unlocks(site: &Site, words: &[&str], state: &str) -> Result<Ran> {
    let mut all = vec!["unlock"];
    all.extend(words);
    Ran::of(&site.cellhost(&all, &[("CELLHOST_STATE", state)]).output()?)
}

/// Every machine has what one run wrote, and no lease.
fn is_of_one(site: &Site, greeting: &str) -> Result<()> {
    for machine in [1, 2] {
        let found = site.on(machine, "cat /etc/greeting/greeting.txt")?;
        assert!(found.contains(greeting), "m{machine}: {found}");
        assert!(
            !site.does(machine, &format!("test -e {LEASE}"))?,
            "m{machine}"
        );
    }
    Ok(())
}

#[test]
fn two_operators_never_change_a_machine_at_once() -> Result<()> {
    let site = Site::up(2)?;
    let other = elsewhere(&site)?;
    site.plan(sleeps())?;
    let first = Run::start(&site)?;
    for machine in [1, 2] {
        let asleep = format!("pgrep -fx '{SLEEP}'");
        eventually("it sleeps", PATIENCE, || site.does(machine, &asleep))?;
    }
    // From elsewhere: refused on both machines, told by whom, and nothing is changed.
    site.plan(&greets("mine"))?;
    let before = site.fingerprints()?;
    let variables = [("CELLHOST_STATE", other.as_str()), ("LOGNAME", "bob")];
    let second = site.run(&["--format", "json"], &variables)?.ends_with(1);
    for machine in ["m1", "m2"] {
        let (status, reason) = second.turn("greeting-rust", machine)?;
        assert_eq!(status, "failed", "{}", second.written());
        let words = format!("machine `{machine}` is leased to ");
        assert!(reason.contains(&words), "{reason}");
        assert!(reason.contains("cell `lab`, run "), "{reason}");
        assert!(reason.contains("its shell is still there"), "{reason}");
    }
    assert_eq!(site.fingerprints()?, before);
    // Who only looks is not refused.
    site.run(&["--dry-run"], &variables)?.ends_with(0);
    // Killed without a word, it leaves its leases, and still nobody else gets in.
    first.end_by(Signal::KILL)?;
    site.run(&[], &variables)?.ends_with(1);
    // The next run from there follows it, and gives back what it took over.
    site.run(&[], &[])?.ends_with(0);
    is_of_one(&site, "mine")
}

#[test]
fn a_lease_of_the_dead_is_taken_away_by_a_person_and_missed_by_the_living() -> Result<()> {
    let site = Site::up(2)?;
    let other = elsewhere(&site)?;
    site.plan(sleeps())?;
    let first = Run::start(&site)?;
    for machine in [1, 2] {
        let asleep = format!("pgrep -fx '{SLEEP}'");
        eventually("it sleeps", PATIENCE, || site.does(machine, &asleep))?;
    }
    let asked = unlocks(&site, &["--machine", "m1"], &other)?.ends_with(2);
    assert!(asked.stdout.starts_with("m1  "), "{}", asked.written());
    assert!(
        asked.stdout.contains(", last sign of life "),
        "{}",
        asked.written()
    );
    assert!(!asked.stdout.contains("m2"), "{}", asked.written());
    let unlocked = unlocks(&site, &["--machine", "m1", "--yes"], &other)?.ends_with(0);
    assert!(
        unlocked.stderr.contains("m1: free"),
        "{}",
        unlocked.written()
    );
    // The other machine is still the first one's; it ends in order and gives it back.
    assert!(site.does(2, &format!("test -e {LEASE}"))?);
    site.plan(&greets("mine"))?;
    let variables = [("CELLHOST_STATE", other.as_str())];
    let second = site.run(&["--format", "json"], &variables)?.ends_with(3);
    assert_eq!(second.turn("greeting-rust", "m1")?.0, "changed");
    assert_eq!(second.turn("greeting-rust", "m2")?.0, "failed");
    first.end_by(Signal::INT)?;
    site.run(&[], &variables)?.ends_with(0);
    is_of_one(&site, "mine")?;
    let none = unlocks(&site, &[], &other)?.ends_with(0);
    assert!(none.stderr.contains("no lease"), "{}", none.written());
    Ok(())
}

#[test]
fn a_machine_whose_connection_gives_way_to_another_is_given_back_at_once() -> Result<()> {
    let site = Site::up(2)?;
    site.plan(
        "[modules.greeting-rust]\non = \"m1\"\nsettings = { greeting = \"hello\" }\n\n\
         [modules.sleeps]\non = \"m2\"\nafter = [\"greeting-rust\"]\n\
         settings = { seconds = 4712, stubborn = false }\n",
    )?;
    let path = site.path().join("plan.toml");
    let plan = fs_err::read_to_string(&path)?;
    fs_err::write(&path, plan.replace("[ssh]\n", "[ssh]\nconnections = 1\n"))?;
    let run = Run::start(&site)?;
    eventually("it sleeps", PATIENCE, || {
        site.does(2, &format!("pgrep -fx '{SLEEP}'"))
    })?;
    // The run goes on, and has nothing of the first machine any more.
    assert!(site.does(2, &format!("test -e {LEASE}"))?);
    assert!(site.does(1, "test -e /etc/greeting/greeting.txt")?);
    assert!(!site.does(1, &format!("test -e {LEASE}"))?);
    run.end_by(Signal::INT)?;
    assert!(!site.does(2, &format!("test -e {LEASE}"))?);
    Ok(())
}
