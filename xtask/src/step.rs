//! Programs run one after the other, each with a headline and a time.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

/// Runs something under a headline and says how long it took.
pub(crate) fn step<T>(headline: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("== {headline}");
    let begun = Instant::now();
    let result = work().with_context(|| headline.to_owned());
    eprintln!("== {headline}: {}", seconds(begun.elapsed()));
    result
}

/// Runs a program to its end; what it writes goes where ours goes.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start {}", name(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", name(command));
    }
    Ok(())
}

/// Runs a program to its end and returns what it wrote to standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", name(command)))?;
    if !output.status.success() {
        bail!("{} ended with {}", name(command), output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Runs a program to its end and tells whether it went well; one that takes too long is ended.
pub(crate) fn succeeds_within(command: &mut Command, patience: Duration) -> Result<bool> {
    let mut child = command.stdin(Stdio::null()).spawn()?;
    let started = Instant::now();
    while started.elapsed() < patience {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        thread::sleep(Duration::from_millis(50));
    }
    child.kill()?;
    child.wait()?;
    Ok(false)
}

/// Runs a program, passes on each line of its standard output, and shows each to `look` too.
/// Returns whether it ended well.
pub(crate) fn watch(command: &mut Command, mut look: impl FnMut(&str)) -> Result<bool> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", name(command)))?;
    let stdout = child.stdout.take().context("no standard output")?;
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        println!("{line}");
        look(&line);
    }
    Ok(child.wait()?.success())
}

/// A program that runs beside others, and is ended with them.
pub(crate) struct Beside {
    child: Child,
    lines: Option<JoinHandle<std::io::Result<Vec<String>>>>,
}

impl Beside {
    /// Starts it, and keeps what it writes.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", name(command)))?;
        let stdout = child.stdout.take().context("no standard output")?;
        let lines = thread::spawn(|| BufReader::new(stdout).lines().collect());
        Ok(Self {
            child,
            lines: Some(lines),
        })
    }

    /// Waits for its end, and does with its lines what [`watch`] does.
    pub(crate) fn watch(mut self, mut look: impl FnMut(&str)) -> Result<bool> {
        let lines = self.lines.take().context("waited for twice")?;
        let lines = lines.join().map_err(|_| anyhow!("its reader failed"))?;
        for line in lines? {
            println!("{line}");
            look(&line);
        }
        Ok(self.child.wait()?.success())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // One that has ended cannot be ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A time as people read it.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn name(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    format!("`{}`", words.join(" "))
}
