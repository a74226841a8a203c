//! Waiting for machines: first for sshd, then for the end of the boot.

use std::{
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::Lab;
use crate::{LabError, MachineNumber, command, network};

/// How long a boot may take until sshd answers, and how much longer for each machine beside it.
const BOOT_PATIENCE: (Duration, Duration) = (Duration::from_mins(1), Duration::from_secs(2));

/// How long services may take after that; a slow one does not make the lab fail.
const SETTLE_PATIENCE: Duration = Duration::from_secs(20);

const PAUSE: Duration = Duration::from_millis(15);

impl Lab {
    /// Waits until sshd answers on each of the machines that are not cut off.
    pub(super) fn wait_for_sshd(&self, machines: &[MachineNumber]) -> Result<(), LabError> {
        let is_cut = |n: &MachineNumber| self.state.machine(*n).is_some_and(|found| found.cut);
        let mut silent: Vec<_> = machines.iter().copied().filter(|n| !is_cut(n)).collect();
        let count = u32::try_from(silent.len()).unwrap_or(u32::MAX);
        let patience = BOOT_PATIENCE.0 + BOOT_PATIENCE.1 * count;
        let start = Instant::now();
        loop {
            let mut answers = network::sshd_answers(self.holder, &silent)?.into_iter();
            silent.retain(|_| !answers.next().unwrap_or(false));
            let Some(first) = silent.first() else {
                return Ok(());
            };
            if start.elapsed() > patience {
                return Err(LabError::NoAnswer {
                    machines: silent.iter().map(ToString::to_string).collect(),
                    seconds: patience.as_secs(),
                    console: self.directory.machine(*first).console(),
                });
            }
            thread::sleep(PAUSE);
        }
    }

    /// Waits until nothing is left to be started on the machines, so that their disks are at rest.
    pub(super) fn wait_for_boot(&self, machines: &[MachineNumber]) -> Result<(), LabError> {
        let start = Instant::now();
        for machine in machines {
            while self.is_booting(*machine)? && start.elapsed() < SETTLE_PATIENCE {
                thread::sleep(PAUSE);
            }
        }
        Ok(())
    }

    fn is_booting(&self, machine: MachineNumber) -> Result<bool, LabError> {
        let group = self.group_of(machine).child("payload").child("init.scope");
        let Some(init) = group.processes().into_iter().next() else {
            return Ok(true);
        };
        let mut command = Command::new("nsenter");
        command
            .arg("--target")
            .arg(init.to_string())
            .args(["--mount", "--pid", "--"]);
        command
            .args(["systemctl", "is-system-running"])
            .stdin(Stdio::null());
        let output = command
            .output()
            .map_err(|source| command::start_error(&command, source))?;
        Ok(is_early(&String::from_utf8_lossy(&output.stdout)))
    }
}

/// Tells whether systemd's word for its state means that the boot goes on.
fn is_early(word: &str) -> bool {
    matches!(word.trim(), "initializing" | "starting")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_degraded_machine_has_booted() {
        assert!(is_early("starting\n") && is_early("initializing\n"));
        assert!(!is_early("running\n") && !is_early("degraded\n") && !is_early(""));
    }
}
