//! The names and addresses of a lab's machines.

use std::{fmt, net::Ipv4Addr, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::LabError;

/// The address of the controller's side, on the bridge that joins the machines.
pub const CONTROLLER_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 255, 1);

/// The length of the prefix that all addresses of a lab share.
pub(crate) const PREFIX: u8 = 16;

/// The most machines a lab can have: the kernel's bridge takes 1023 ports.
pub const MOST_MACHINES: u16 = 500;

/// How many addresses are used of each 256, as `.0` and `.255` look like networks to people.
const PER_BLOCK: u16 = 254;

/// Names one machine by its number, which starts at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MachineNumber(u16);

impl MachineNumber {
    /// Takes a number between 1 and [`MOST_MACHINES`].
    pub fn new(number: u16) -> Result<Self, LabError> {
        if (1..=MOST_MACHINES).contains(&number) {
            return Ok(Self(number));
        }
        Err(LabError::WrongCount {
            wanted: number,
            most: MOST_MACHINES,
        })
    }

    /// Lists the first `count` machines.
    pub fn first(count: u16) -> Result<Vec<Self>, LabError> {
        Self::new(count)?;
        Ok((1..=count).map(Self).collect())
    }

    /// Returns the machine's address.
    pub fn address(self) -> Ipv4Addr {
        let index = self.0.saturating_sub(1);
        let [_, block] = (index / PER_BLOCK).to_be_bytes();
        let [_, last] = (index % PER_BLOCK + 1).to_be_bytes();
        Ipv4Addr::new(10, 77, block, last)
    }

    /// Returns the hardware address, fixed so that a cut link heals without stale neighbours.
    pub(crate) fn hardware_address(self) -> String {
        let [high, low] = self.0.to_be_bytes();
        format!("02:77:00:00:{high:02x}:{low:02x}")
    }

    /// Names the bridge's port that leads to the machine.
    pub(crate) fn port(self) -> String {
        format!("port{}", self.0)
    }
}

impl fmt::Display for MachineNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("m{}", self.0))
    }
}

impl FromStr for MachineNumber {
    type Err = LabError;

    fn from_str(name: &str) -> Result<Self, LabError> {
        let number = name
            .strip_prefix('m')
            .and_then(|digits| digits.parse().ok());
        number
            .and_then(|number| Self::new(number).ok())
            .filter(|machine| machine.to_string() == name)
            .ok_or_else(|| LabError::UnknownMachine {
                name: name.to_owned(),
                known: Vec::new(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(number: u16) -> MachineNumber {
        MachineNumber::new(number).unwrap()
    }

    #[test]
    fn addresses_count_up_and_skip_network_like_ones() {
        assert_eq!(machine(1).address(), Ipv4Addr::new(10, 77, 0, 1));
        assert_eq!(machine(254).address(), Ipv4Addr::new(10, 77, 0, 254));
        assert_eq!(machine(255).address(), Ipv4Addr::new(10, 77, 1, 1));
    }

    #[test]
    fn every_machine_has_its_own_address_and_none_the_controllers() {
        let all = MachineNumber::first(MOST_MACHINES).unwrap();
        let mut addresses: Vec<_> = all.iter().map(|machine| machine.address()).collect();
        addresses.push(CONTROLLER_ADDRESS);
        addresses.sort_unstable();
        addresses.dedup();
        assert_eq!(addresses.len(), usize::from(MOST_MACHINES) + 1);
    }

    #[test]
    fn names_round_trip_and_odd_ones_are_refused() {
        assert_eq!("m17".parse::<MachineNumber>().unwrap(), machine(17));
        for odd in ["m0", "m01", "m+1", "17", "", "m", "m501", "-m1", "web"] {
            assert!(odd.parse::<MachineNumber>().is_err(), "{odd}");
        }
    }

    #[test]
    fn counts_out_of_range_are_refused() {
        assert!(MachineNumber::first(0).is_err());
        assert!(MachineNumber::first(MOST_MACHINES + 1).is_err());
    }

    #[test]
    fn hardware_addresses_differ() {
        assert_eq!(machine(1).hardware_address(), "02:77:00:00:00:01");
        assert_eq!(machine(258).hardware_address(), "02:77:00:00:01:02");
    }
}
