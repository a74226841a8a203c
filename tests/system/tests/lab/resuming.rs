//! Runs that end in the middle, in all the ways in which they do, and are gone on with.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::history;
use crate::site::{Ran, Site, eventually};

const PATIENCE: Duration = Duration::from_mins(1);

/// Lets the service be away for a while whenever it starts.
const SLOW: &str = "mkdir -p /etc/systemd/system/chores.service.d && printf \
'[Service]\\nExecStartPre=/bin/sleep 1.5\\n' >/etc/systemd/system/chores.service.d/slow.conf";

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
fn a_roll_that_was_killed_twice_goes_to_its_end_and_takes_no_two() -> Result<()> {
    let site = Site::up(3)?;
    let settings = ", draws = false }\nrolling = { at-once = 1, patience = \"1m\"";
    site.chores("old", settings)?;
    site.run(&[], &[])?.ends_with(0);
    for machine in 1..=3 {
        site.on(machine, SLOW)?;
    }
    site.chores("new", settings)?;
    let mut run = site.begin(&[])?;
    for gone in 1..=2 {
        let restarts = "[ \"$(systemctl is-active chores)\" = activating ]";
        let mut away = None;
        eventually("a machine is in the middle", PATIENCE, || {
            for machine in 1..=3 {
                let starts = site.on(machine, "grep -c . /var/lib/chores/starts")?;
                if starts == "1" && site.does(machine, restarts)? {
                    away = Some(machine);
                }
            }
            Ok(away.is_some())
        })?;
        run.kill()?;
        run.wait()?;
        run = site
            .cellhost(&["resume", "--format", "json"], &[])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if gone == 1 {
            let away = away.context("a machine")?;
            eventually("it is back", PATIENCE, || {
                site.does(away, "systemctl is-active --quiet chores")
            })?;
        }
    }
    let ran = Ran::of(&run.wait_with_output()?)?.ends_with(0);
    let mut absences = Vec::new();
    for machine in 1..=3 {
        assert_once(&site, machine, &["old", "new"], false)?;
        let show = "systemctl show --value -p InactiveEnterTimestampMonotonic \
                    -p ActiveEnterTimestampMonotonic chores";
        let shown = site.on(machine, show)?;
        let times = shown.split_whitespace().map(str::parse::<u64>);
        let mut times = times.collect::<Result<Vec<_>, _>>()?;
        times.sort_unstable();
        absences.push(times);
    }
    absences.sort();
    for pair in absences.windows(2) {
        let [one, other] = pair else { continue };
        assert!(
            one.last() < other.first(),
            "{absences:?}: {}",
            ran.written()
        );
    }
    Ok(())
}

#[test]
fn a_record_that_is_torn_as_the_disk_fills_is_gone_on_with() -> Result<()> {
    let site = Site::up(2)?;
    site.chores("old", "")?;
    site.run(&[], &[])?.ends_with(0);
    let guests = cellhost_system_tests::guests().canonicalize()?;
    let guests = guests.to_str().context("a path in UTF-8")?;
    let program = cellhost_system_tests::program()?;
    let program = program.to_str().context("a path in UTF-8")?;
    let mut texts = vec!["old"];
    // No file may be longer than so many blocks: who writes on is told that there is no room, or
    // is killed in the middle of its line.
    for (text, signal, blocks) in [("full", "trap '' XFSZ; ", 31), ("killed", "", 45)] {
        site.chores(text, "")?;
        let script = format!("{signal}ulimit -c 0; ulimit -f {blocks}; exec \"$@\"");
        let words = [
            "sh",
            "-c",
            &script,
            "sh",
            program,
            "run",
            "--modules",
            guests,
        ];
        let ran = Ran::of(&site.elsewhere(&words).output()?)?;
        let path = history::newest(&site.runs())?.context("a record")?;
        let record = fs_err::read(&path)?;
        assert_ne!(
            record.last(),
            Some(&b'\n'),
            "it is not torn: {}",
            ran.written()
        );
        if signal.is_empty() {
            assert_eq!(ran.code, None, "{}", ran.written());
        } else {
            assert_eq!(ran.code, Some(1), "{}", ran.written());
            assert!(ran.stderr.contains("journal"), "{}", ran.written());
            assert!(
                ran.stderr.contains("`cellhost resume`"),
                "{}",
                ran.written()
            );
        }
        let mut words = vec!["resume".to_owned()];
        for _ in 0..2 {
            let plain: Vec<&str> = words.iter().map(String::as_str).collect();
            let ran = tell(&site, &plain)?;
            if ran.code == Some(0) {
                break;
            }
            words.extend(crate::deaths::answered(&site, &ran)?);
            assert!(words.len() > 1, "{}", ran.written());
        }
        texts.push(text);
        for machine in 1..=2 {
            assert_once(&site, machine, &texts, true)?;
        }
    }
    Ok(())
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
