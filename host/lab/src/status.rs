//! What is to be seen of a machine from outside.

use std::{fmt, net::Ipv4Addr};

use serde::Serialize;

/// Tells whether a machine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MachineState {
    /// Its processes run.
    Running,
    /// Its processes stand still, though its network stack still answers.
    Frozen,
    /// It has no processes, as after a power cut.
    Killed,
}

impl fmt::Display for MachineState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Running => "running",
            Self::Frozen => "frozen",
            Self::Killed => "killed",
        })
    }
}

/// Describes one machine as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MachineStatus {
    /// The machine's name.
    pub name: String,
    /// The machine's address.
    pub address: Ipv4Addr,
    /// Whether it runs.
    pub state: MachineState,
    /// Whether its cable is pulled.
    pub cut: bool,
    /// The machines that it cannot reach although its cable is plugged.
    pub cut_from: Vec<String>,
    /// Whether its sshd greets the controller.
    pub sshd: bool,
    /// How long ago it was switched on, if it is.
    pub uptime_seconds: Option<u64>,
}
