//! Which machine has which number in which module, from run to run.

use std::collections::{BTreeMap, BTreeSet};

use cellhost_plan::{InstanceName, MachineName, ModuleUse};
use serde::{Deserialize, Serialize};

/// The members of every module of a cell and their ordinals. Kept beside the plan, because a
/// number given once is given for life.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// By module name in the plan.
    #[serde(default)]
    pub modules: BTreeMap<InstanceName, Membership>,
}

/// The members of one module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The number that the next new member gets. Numbers are never given twice.
    pub next: u32,
    /// Members by name.
    pub machines: BTreeMap<MachineName, u32>,
}

impl Default for Membership {
    fn default() -> Self {
        Self {
            next: 1,
            machines: BTreeMap::new(),
        }
    }
}

impl Roster {
    /// Gives every machine of a module its number: the one it has, else the one that the plan
    /// fixes, else the next in the order of the plan.
    pub fn enroll(&mut self, module: &ModuleUse) -> &Membership {
        let membership = self.modules.entry(module.name.clone()).or_default();
        for (machine, ordinal) in &module.ordinals {
            membership
                .machines
                .insert(machine.clone(), u32::from(*ordinal));
        }
        let mut taken: BTreeSet<u32> = membership.machines.values().copied().collect();
        for machine in &module.machines {
            if membership.machines.contains_key(machine) {
                continue;
            }
            let free = (membership.next..=u32::MAX).find(|number| !taken.contains(number));
            let number = free.unwrap_or(u32::MAX);
            taken.insert(number);
            membership.machines.insert(machine.clone(), number);
        }
        let highest = taken.last().copied().unwrap_or(0);
        membership.next = membership.next.max(highest.saturating_add(1));
        membership
    }

    /// Forgets members that a module no longer has, once it let them go.
    pub fn dismiss(&mut self, module: &InstanceName, machines: &[MachineName]) {
        if let Some(membership) = self.modules.get_mut(module) {
            for machine in machines {
                membership.machines.remove(machine);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cellhost_plan::Plan;

    fn plan(machines: &str, extra: &str) -> Plan {
        let text = format!(
            "cell = \"t\"\n[machines]\na = {{ address = \"10.0.0.1\" }}\nb = {{ address = \"10.0.0.2\" }}\nc = {{ address = \"10.0.0.3\" }}\n[modules.x]\non = {machines}\n{extra}"
        );
        Plan::parse("plan.toml", &text).unwrap()
    }

    fn enroll(roster: &mut Roster, plan: &Plan) -> Vec<(String, u32)> {
        let module = plan.modules.first().unwrap();
        let membership = roster.enroll(module);
        membership
            .machines
            .iter()
            .map(|(name, number)| (name.to_string(), *number))
            .collect()
    }

    #[test]
    fn numbers_new_machines_in_the_order_of_the_plan() {
        let mut roster = Roster::default();
        let numbers = enroll(&mut roster, &plan("[\"c\", \"a\"]", ""));
        assert_eq!(numbers, [("a".to_owned(), 1), ("c".to_owned(), 2)]);
    }

    #[test]
    fn keeps_numbers_when_a_machine_leaves_and_never_gives_them_again() {
        let mut roster = Roster::default();
        enroll(&mut roster, &plan("[\"a\", \"b\"]", ""));
        let gone = MachineName::new("a").unwrap();
        roster.dismiss(&InstanceName::new("x").unwrap(), &[gone]);
        let numbers = enroll(&mut roster, &plan("[\"b\", \"c\"]", ""));
        assert_eq!(numbers, [("b".to_owned(), 2), ("c".to_owned(), 3)]);
    }

    #[test]
    fn takes_the_numbers_that_the_plan_fixes() {
        let mut roster = Roster::default();
        let numbers = enroll(&mut roster, &plan("\"all\"", "ordinals = { a = 2 }"));
        assert_eq!(
            numbers,
            [
                ("a".to_owned(), 2),
                ("b".to_owned(), 1),
                ("c".to_owned(), 3)
            ]
        );
    }
}
