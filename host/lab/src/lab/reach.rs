//! Reaching into a lab: commands on the controller's side, ssh, and what is to be seen.

use std::{ffi::OsStr, process::Command};

use super::Lab;
use crate::{
    Fingerprint, LabError, MachineNumber, MachineState, MachineStatus, fingerprint, network,
    state::now,
};

/// Names the variable by which programs in the lab find the ssh configuration.
pub const SSH_CONFIG_VARIABLE: &str = "CELLHOST_SSH_CONFIG";

impl Lab {
    /// Prepares a command on the controller's side of the lab's network; its files are ours.
    pub fn exec<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Command {
        let mut command = self.holder.enter_network();
        command
            .args(words)
            .env(SSH_CONFIG_VARIABLE, self.directory.ssh_config());
        command
    }

    /// Prepares ssh to a machine: a shell, or a command that the machine's shell reads.
    pub fn ssh<W: AsRef<OsStr>>(
        &self,
        machine: MachineNumber,
        words: impl IntoIterator<Item = W>,
    ) -> Command {
        let mut command = self.exec(["ssh", "-F"]);
        command
            .arg(self.directory.ssh_config())
            .arg(machine.to_string());
        command.args(words);
        command
    }

    /// Looks at every machine.
    pub fn status(&self) -> Result<Vec<MachineStatus>, LabError> {
        let machines = self.machines();
        let answers = network::sshd_answers(self.holder, &machines)?;
        let records = self.state.machines.iter().zip(answers);
        let status = records.map(|(record, sshd)| {
            let state = self.machine_state(record.number);
            let uptime = now().saturating_sub(record.booted_at);
            MachineStatus {
                name: record.number.to_string(),
                address: record.number.address(),
                state,
                cut: record.cut,
                cut_from: self
                    .state
                    .cut_from(record.number)
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
                sshd,
                uptime_seconds: Some(uptime).filter(|_| state != MachineState::Killed),
            }
        });
        Ok(status.collect())
    }

    /// Sums up all that is on a machine's disk as it stands.
    ///
    /// Two equal digests mean that nothing on the disk changed in between.
    pub fn fingerprint(&self, machine: MachineNumber) -> Result<Fingerprint, LabError> {
        let image = &self.state.image;
        fingerprint::take(
            &image.root(),
            image.key(),
            &self.directory.machine(machine).upper(),
        )
    }
}
