use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Runs a program to its end and returns what it wrote to standard output.
pub(super) fn output(command: &mut Command) -> Result<String> {
    let Output { status, stdout, .. } = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", name(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", name(command));
    }
    Ok(String::from_utf8(stdout)?)
}

/// Runs a program to its end and tells whether it went well; one that takes too long is ended.
pub(super) fn succeeds_within(command: &mut Command, patience: Duration) -> Result<bool> {
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

fn name(command: &Command) -> String {
    format!("`{}`", command.get_program().to_string_lossy())
}
