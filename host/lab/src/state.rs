//! What a lab remembers between two commands.

use std::{
    collections::BTreeSet,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use crate::{Image, LabDirectory, LabError, MachineNumber};

/// Records a lab: its image, its machines and the cables that were cut on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) image: Image,
    pub(crate) machines: Vec<MachineRecord>,
    /// Pairs that cannot reach each other, the lower number first.
    #[serde(default)]
    pub(crate) cut_pairs: BTreeSet<(MachineNumber, MachineNumber)>,
}

/// Records one machine of a lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MachineRecord {
    pub(crate) number: MachineNumber,
    /// When it was last switched on, in seconds since 1970.
    pub(crate) booted_at: u64,
    /// Whether its cable to the bridge is pulled.
    #[serde(default)]
    pub(crate) cut: bool,
}

impl State {
    /// Begins the record of a lab without machines.
    pub(crate) fn new(image: Image) -> Self {
        Self {
            image,
            machines: Vec::new(),
            cut_pairs: BTreeSet::new(),
        }
    }

    /// Reads the record of the lab in the directory, if there is one.
    pub(crate) fn load(directory: &LabDirectory) -> Result<Option<Self>, LabError> {
        let path = directory.state();
        if !path.exists() {
            return Ok(None);
        }
        let text = fs_err::read_to_string(&path)?;
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|source| LabError::Record { path, source })
    }

    /// Replaces the record on disk as a whole.
    pub(crate) fn save(&self, directory: &LabDirectory) -> Result<(), LabError> {
        let path = directory.state();
        let text = serde_json::to_string_pretty(self).map_err(|source| LabError::Record {
            path: path.clone(),
            source,
        })?;
        let fresh = path.with_extension("new");
        fs_err::write(&fresh, text)?;
        fs_err::rename(fresh, path)?;
        Ok(())
    }

    /// Lists the machines by number.
    pub(crate) fn numbers(&self) -> Vec<MachineNumber> {
        self.machines.iter().map(|record| record.number).collect()
    }

    /// Finds the record of a machine.
    pub(crate) fn machine(&self, number: MachineNumber) -> Option<&MachineRecord> {
        self.machines.iter().find(|record| record.number == number)
    }

    /// Finds the record of a machine, to change it.
    pub(crate) fn machine_mut(&mut self, number: MachineNumber) -> Option<&mut MachineRecord> {
        self.machines
            .iter_mut()
            .find(|record| record.number == number)
    }

    /// Lists the machines that a machine was cut from one by one.
    pub(crate) fn cut_from(&self, machine: MachineNumber) -> Vec<MachineNumber> {
        let pairs = self.cut_pairs.iter();
        pairs
            .filter_map(|(a, b)| match machine {
                _ if *a == machine => Some(*b),
                _ if *b == machine => Some(*a),
                _ => None,
            })
            .collect()
    }
}

/// Returns the present in seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{
        "image": { "name": "service", "key": "0a", "path": "/srv/images/service-0a" },
        "machines": [
            { "number": 1, "booted_at": 7 },
            { "number": 2, "booted_at": 9, "cut": true }
        ],
        "cut_pairs": [[1, 2]]
    }"#;

    #[test]
    fn record_is_understood_and_survives_a_round_trip() {
        let state: State = serde_json::from_str(RECORD).unwrap();
        let [first, second] = state.numbers()[..] else {
            panic!("not two machines")
        };
        assert!(state.machine(second).unwrap().cut && !state.machine(first).unwrap().cut);
        assert_eq!(state.cut_from(first), [second]);
        assert_eq!(state.cut_from(second), [first]);
        let again = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<State>(&again).unwrap(), state);
    }

    #[test]
    fn damaged_record_names_its_file() {
        let place = tempfile::tempdir().unwrap();
        let directory = LabDirectory::choose(Some(place.path())).unwrap();
        assert!(State::load(&directory).unwrap().is_none());
        std::fs::write(directory.state(), "{").unwrap();
        let error = State::load(&directory).unwrap_err();
        assert!(error.to_string().contains("state.json"));
    }
}
