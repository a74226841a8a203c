use std::path::PathBuf;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::redis::PASSWORD;
use crate::site::{Ran, Site, eventually};

/// A number of seconds that nobody else on the machine sleeps for.
const SLEEP: &str = "sleep 4711";
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn an_interrupt_leaves_nothing_running() -> Result<()> {
    let site = Site::up(2)?;
    site.plan("[modules.sleeps]\non = \"all\"\nsettings = { seconds = 4711, stubborn = true }\n")?;
    cellhost_system_tests::guest("sleeps")?;
    for (signal, options) in [(Signal::INT, &["--output"][..]), (Signal::TERM, &[])] {
        let run = Run::start(&site, options, &[])?;
        let sleeps = format!("pgrep -fx '{SLEEP}'");
        for machine in [1, 2] {
            eventually("it sleeps", PATIENCE, || site.does(machine, &sleeps))?;
            if !options.is_empty() {
                let said = format!("m{machine} | good night");
                eventually("it is heard", PATIENCE, || Ok(run.words()?.contains(&said)))?;
            }
        }
        let begun = Instant::now();
        let ran = run.end_by(signal)?.ends_with(130);
        let took = begun.elapsed();
        for machine in [1, 2] {
            let still = site.does(machine, &sleeps)?;
            assert!(!still, "m{machine} still sleeps: {}", ran.written());
        }
        assert!(
            took < Duration::from_secs(10),
            "{took:?}: {}",
            ran.written()
        );
        assert!(ran.stdout.contains("interrupted"), "{}", ran.written());
    }
    Ok(())
}

#[test]
fn an_interrupt_breaks_off_no_installation() -> Result<()> {
    let site = Site::up(3)?;
    site.plan_of_the_example()?;
    let run = Run::start(&site, &[], &[("REDIS_PASSWORD", PASSWORD)])?;
    eventually("packages are unpacked", PATIENCE, || {
        site.does(2, "pgrep -x dpkg")
    })?;
    let ran = run.end_by(Signal::INT)?.ends_with(130);
    for machine in 1..=3 {
        let busy = site.does(machine, "pgrep -x 'dpkg|apt-get'")?;
        assert!(!busy, "m{machine}: {}", ran.written());
        let broken = site.on(machine, "dpkg --audit")?;
        assert_eq!(broken, "", "m{machine}: {}", ran.written());
    }
    let journals = site.journals()?;
    let last = journals.lines().last().context("a record")?;
    assert!(last.contains(r#""kind":"end""#), "{last}");
    site.run_redis(&[])?.ends_with(0);
    Ok(())
}

/// A run under way.
struct Run {
    child: Child,
    words: PathBuf,
}

impl Run {
    fn start(site: &Site, options: &[&str], variables: &[(&str, &str)]) -> Result<Self> {
        let guests = cellhost_system_tests::guests().canonicalize()?;
        let mut all = vec![
            "run",
            "--modules",
            guests.to_str().context("a path in UTF-8")?,
        ];
        all.extend(options);
        let words = site.path().join("words");
        let child = site
            .cellhost(&all, variables)
            .stdout(Stdio::piped())
            .stderr(fs_err::File::create(&words)?.into_file())
            .spawn()?;
        Ok(Self { child, words })
    }

    /// What it said so far.
    fn words(&self) -> Result<String> {
        Ok(fs_err::read_to_string(&self.words)?)
    }

    fn end_by(self, signal: Signal) -> Result<Ran> {
        let own = i32::try_from(self.child.id())?;
        kill_process(Pid::from_raw(own).context("a process")?, signal)?;
        let output = self.child.wait_with_output()?;
        let stderr = fs_err::read(&self.words)?;
        Ran::of(&Output { stderr, ..output })
    }
}
