//! The lab as a plan sees it.

use std::fmt::Write as _;

use crate::MachineNumber;

/// Writes the part of a `plan.toml` that names the machines and how they are reached.
pub fn inventory(machines: &[MachineNumber]) -> String {
    let mut text = String::from("[ssh]\nuser = \"root\"\n\n[machines]\n");
    for machine in machines {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{machine} = {{ address = \"{}\" }}",
            machine.address()
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inventory_is_a_ready_part_of_a_plan() {
        let text = inventory(&MachineNumber::first(2).unwrap());
        let wanted = "[ssh]\nuser = \"root\"\n\n[machines]\n\
                      m1 = { address = \"10.77.0.1\" }\nm2 = { address = \"10.77.0.2\" }\n";
        assert_eq!(text, wanted);
    }
}
