use serde::de::DeserializeOwned;

use crate::bindings::cellhost::cell::cell;
use crate::{Failure, Machine};

/// What the module is deployed into: its members, its settings and the other modules' outputs.
pub struct Cell<S> {
    settings: S,
}

impl<S: DeserializeOwned> Cell<S> {
    /// Opens the cell for a hook about one machine.
    pub(crate) fn about(machine: &Machine) -> Result<Self, Failure> {
        Ok(Self {
            settings: read(machine)?,
        })
    }

    /// Opens the cell for a hook about the whole module.
    pub(crate) fn about_all() -> Result<Self, Failure> {
        match cell::members().first() {
            Some(first) => Self::about(first),
            None => Err(Failure::failed("the plan gives this module no machine")),
        }
    }

    /// Returns the module's settings for one machine.
    pub fn settings_on(&self, machine: &Machine) -> Result<S, Failure> {
        read(machine)
    }
}

impl<S> Cell<S> {
    /// Returns the settings: in a hook about one machine that machine's, in a hook about the
    /// whole module those of its first member.
    pub fn settings(&self) -> &S {
        &self.settings
    }

    /// Returns the cell's name in the plan.
    pub fn name(&self) -> String {
        cell::name()
    }

    /// Returns the machines that the plan gives this module, by ordinal.
    pub fn members(&self) -> Vec<Machine> {
        cell::members()
    }

    /// Returns the machines that were members and are no longer, by ordinal.
    pub fn leaving(&self) -> Vec<Machine> {
        cell::leaving()
    }

    /// Returns what another module of the plan put out under a key.
    pub fn output(&self, module: &str, key: &str) -> Option<String> {
        cell::output(module, key)
    }

    /// Puts out a value that only a running system can tell.
    pub fn publish(&self, key: &str, value: &str) {
        cell::publish(key, value);
    }
}

fn read<S: DeserializeOwned>(machine: &Machine) -> Result<S, Failure> {
    serde_json::from_str(&cell::settings(machine))
        .map_err(|error| Failure::failed(format!("cannot read the settings: {error}")))
}
