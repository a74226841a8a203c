//! Runs that end in the middle, in all the ways in which they do, and are gone on with.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::site::{Ran, Site, eventually};

const PATIENCE: Duration = Duration::from_mins(1);

fn tell(site: &Site, words: &[&str]) -> Result<Ran> {
    Ran::of(&site.cellhost(words, &[]).output()?)
}

/// What machines keep of chores.
fn ledger(site: &Site, machine: u16) -> Result<Vec<String>> {
    let lines = site.on(machine, "cat /var/lib/chores/ledger")?;
    Ok(lines.lines().map(str::to_owned).collect())
}

/// All chores of one text on a machine, once each, in their order.
fn assert_once(site: &Site, machine: u16, texts: &[&str], draws: bool) -> Result<()> {
    let mut wanted = Vec::new();
    for text in texts {
        wanted.extend([format!("put {text}-first"), format!("add {text}-second")]);
        if draws {
            wanted.push(format!("draw {text}-third"));
        }
        if machine == 1 {
            wanted.push(format!("add {text}-together"));
        }
    }
    assert_eq!(ledger(site, machine)?, wanted, "m{machine}");
    let starts = site.on(machine, "cat /var/lib/chores/starts")?;
    assert_eq!(starts.lines().collect::<Vec<_>>(), texts, "m{machine}");
    Ok(())
}

#[test]
fn what_a_dead_run_has_left_at_work_ends_before_anything_is_asked_about_it() -> Result<()> {
    let site = Site::up(1)?;
    let settings = ", pace = \"1.7\", draws = false";
    site.chores("old", settings)?;
    let cases = [
        ("old", "add old-second", "resume"),
        ("new", "add new-second", "run"),
        ("made", "make /var/lib/chores/made-made", "resume"),
    ];
    for (text, chore, again) in cases {
        site.chores(text, settings)?;
        let mut run = site.begin(&[])?;
        eventually("a chore is under way", PATIENCE, || {
            site.does(1, &format!("grep -qsx '{chore}' /run/chores"))
        })?;
        run.kill()?;
        run.wait()?;
        // It would not be found done yet, and be done twice.
        let ran = match again {
            "resume" => tell(&site, &["resume"])?,
            _ => site.run(&[], &[])?,
        };
        let ran = ran.ends_with(0);
        // What begins only once it had ended is not two at a time.
        let calls = site.on(1, "cat /run/chores")?;
        let calls: Vec<&str> = calls.lines().collect();
        for pair in calls.chunks(2) {
            let [begun, ended] = pair else {
                bail!("{calls:?}: {}", ran.written());
            };
            assert_eq!(*ended, format!("ended {begun}"), "{calls:?}");
        }
    }
    assert_once(&site, 1, &["old", "new", "made"], false)
}

#[test]
fn one_goes_on_only_with_a_run_that_has_ended_and_an_interrupt_ends_it_well() -> Result<()> {
    let site = Site::up(1)?;
    let settings = ", pace = \"1\", draws = false";
    site.chores("old", settings)?;
    let run = site.begin(&[])?;
    eventually("a chore is under way", PATIENCE, || {
        site.does(1, "grep -qsx 'add old-second' /run/chores")
    })?;
    let beside = tell(&site, &["resume"])?.ends_with(1);
    let why = "another cellhost is at work on cell `lab`: `run` of ";
    assert!(beside.stderr.contains(why), "{}", beside.written());
    let own = Pid::from_raw(i32::try_from(run.id())?).context("a process")?;
    kill_process(own, Signal::INT)?;
    let ran = Ran::of(&run.wait_with_output()?)?.ends_with(130);
    assert!(
        ran.stderr.contains("`cellhost resume` goes on"),
        "{}",
        ran.written()
    );
    let ran = tell(&site, &["resume"])?.ends_with(0);
    assert!(
        ran.stderr.contains("which was interrupted"),
        "{}",
        ran.written()
    );
    assert_once(&site, 1, &["old"], false)
}
