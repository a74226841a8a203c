use std::fmt;

use serde::{Deserialize, Serialize};

/// Who does the job.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Contestant {
    /// A prepared script for each machine, over new connections.
    FloorFresh,
    /// The same over connections that stand.
    FloorMasters,
    /// cellhost, with no connection to begin with.
    CellhostCold,
    /// The same with the key exchange that pyinfra has.
    CellhostAlike,
    /// cellhost, with the connections that the run before left.
    CellhostWarm,
    /// pyinfra.
    Pyinfra,
    /// Ansible with Mitogen's strategy.
    Mitogen,
    /// Ansible by itself.
    Ansible,
}

/// Which half of the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Half {
    /// On machines that have nothing of it yet.
    First,
    /// On machines that have all of it.
    NoOp,
}

impl Contestant {
    /// All, in the order in which they take turns.
    pub(super) const ALL: [Self; 8] = [
        Self::FloorFresh,
        Self::CellhostCold,
        Self::CellhostAlike,
        Self::FloorMasters,
        Self::CellhostWarm,
        Self::Pyinfra,
        Self::Mitogen,
        Self::Ansible,
    ];

    /// Returns the name that people read.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::FloorFresh => "floor, new connections",
            Self::FloorMasters => "floor, living masters",
            Self::CellhostCold => "cellhost, cold",
            Self::CellhostAlike => "cellhost, cold, curve25519",
            Self::CellhostWarm => "cellhost, warm",
            Self::Pyinfra => "pyinfra",
            Self::Mitogen => "Ansible with Mitogen",
            Self::Ansible => "Ansible",
        }
    }

    /// Tells whether it works over connections that an earlier run left.
    pub(super) fn is_warm(self) -> bool {
        matches!(self, Self::FloorMasters | Self::CellhostWarm)
    }

    /// Tells whether a run of it is over so quickly that many rounds cost nothing.
    pub(super) fn is_quick(self) -> bool {
        !matches!(self, Self::Pyinfra | Self::Mitogen | Self::Ansible)
    }

    /// How often it is measured. Who needs minutes for a run gets few of them.
    pub(super) fn rounds(self, half: Half, machines: u16, short: bool) -> u32 {
        let (first, no_op) = match self {
            Self::FloorFresh | Self::CellhostCold => (3, 7),
            Self::CellhostAlike => (3, 0),
            Self::FloorMasters | Self::CellhostWarm => (0, 7),
            Self::Pyinfra => (2, 3),
            Self::Mitogen => (1, 2),
            // Its first run on fifty machines takes minutes, for a number that nothing depends on.
            Self::Ansible => (u32::from(machines < 50), 1),
        };
        let rounds = match half {
            Half::First => first,
            Half::NoOp => no_op,
        };
        if short { rounds.min(1) } else { rounds }
    }
}

impl fmt::Display for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::First => "first run",
            Self::NoOp => "nothing to change",
        })
    }
}
