use serde::{Deserialize, Serialize};

/// A machine of the lab, as every contestant is told of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Machine {
    /// Its name.
    pub(super) name: String,
    /// Its address.
    pub(super) address: String,
}

/// Reads the machines out of the part of a plan that the lab writes.
pub(super) fn parse(inventory: &str) -> Vec<Machine> {
    let machine = |line: &str| {
        let (name, rest) = line.split_once(" = { address = \"")?;
        let (address, _) = rest.split_once('"')?;
        Some(Machine {
            name: name.to_owned(),
            address: address.to_owned(),
        })
    };
    inventory.lines().filter_map(machine).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_machines_of_an_inventory() {
        let text = "[ssh]\nuser = \"root\"\n\n[machines]\nm1 = { address = \"10.77.0.1\" }\n";
        let machines = parse(text);
        assert_eq!(machines.len(), 1);
        assert_eq!(machines[0].name, "m1");
        assert_eq!(machines[0].address, "10.77.0.1");
    }
}
