//! Breaking things on purpose, and mending them.

use super::Lab;
use crate::{LabError, MachineNumber, MachineState, network};

impl Lab {
    /// Pulls the cable between a machine and all others, the controller included.
    pub fn cut(&mut self, machine: MachineNumber) -> Result<(), LabError> {
        let _lock = self.catch_up()?;
        network::connect(self.holder, machine, false)?;
        self.set_cut(machine, true)
    }

    /// Makes two machines unable to reach each other; everything else still reaches both.
    pub fn cut_pair(&mut self, one: MachineNumber, other: MachineNumber) -> Result<(), LabError> {
        if one == other {
            return Err(LabError::SameMachine {
                name: one.to_string(),
            });
        }
        let _lock = self.catch_up()?;
        let pair = (one.min(other), one.max(other));
        network::connect_pair(self.holder, pair, false)?;
        self.state.cut_pairs.insert(pair);
        self.state.save(&self.directory)
    }

    /// Mends every cut that concerns the machine.
    pub fn heal(&mut self, machine: MachineNumber) -> Result<(), LabError> {
        let concerned =
            |pair: &(MachineNumber, MachineNumber)| pair.0 == machine || pair.1 == machine;
        let pairs: Vec<_> = self
            .state
            .cut_pairs
            .iter()
            .copied()
            .filter(concerned)
            .collect();
        for pair in pairs {
            network::connect_pair(self.holder, pair, true)?;
            self.state.cut_pairs.remove(&pair);
        }
        network::connect(self.holder, machine, true)?;
        self.set_cut(machine, false)
    }

    /// Cuts the machine's power: every process in it is gone at once, its disk stays.
    pub fn kill(&self, machine: MachineNumber) -> Result<(), LabError> {
        self.group_of(machine).kill()
    }

    /// Switches a killed machine on again and waits until its sshd answers, unless it is cut off.
    pub fn start(&mut self, machine: MachineNumber) -> Result<(), LabError> {
        let _lock = self.catch_up()?;
        match self.machine_state(machine) {
            MachineState::Killed => self.switch_on(&[machine]),
            MachineState::Running => Ok(()),
            state @ MachineState::Frozen => Err(LabError::WrongState {
                name: machine.to_string(),
                state,
            }),
        }
    }

    /// Stops every process of the machine where it stands, as a hung computer does.
    pub fn freeze(&self, machine: MachineNumber) -> Result<(), LabError> {
        self.set_frozen(machine, true)
    }

    /// Lets a frozen machine go on.
    pub fn thaw(&self, machine: MachineNumber) -> Result<(), LabError> {
        self.set_frozen(machine, false)
    }

    /// Tells whether the machine runs.
    pub fn machine_state(&self, machine: MachineNumber) -> MachineState {
        let group = self.group_of(machine);
        match (group.is_populated(), group.is_frozen()) {
            (false, _) => MachineState::Killed,
            (true, true) => MachineState::Frozen,
            (true, false) => MachineState::Running,
        }
    }

    fn set_frozen(&self, machine: MachineNumber, frozen: bool) -> Result<(), LabError> {
        match self.machine_state(machine) {
            state @ MachineState::Killed => Err(LabError::WrongState {
                name: machine.to_string(),
                state,
            }),
            _ => self.group_of(machine).freeze(frozen),
        }
    }

    fn set_cut(&mut self, machine: MachineNumber, cut: bool) -> Result<(), LabError> {
        if let Some(record) = self.state.machine_mut(machine) {
            record.cut = cut;
        }
        self.state.save(&self.directory)
    }
}
