//! Which machine has which number in which module, from run to run.

use std::collections::{BTreeMap, BTreeSet};

use cellhost_plan::{
    HostKey, InstanceName, MachineName, ModuleUse, Plan, check_address, check_user,
};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

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
    pub machines: BTreeMap<MachineName, Seat>,
}

/// What is kept of one member: its number, and how to reach it once the plan has forgotten it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// Its number, given for life.
    pub ordinal: u32,
    /// Its address.
    #[serde(deserialize_with = "address")]
    pub address: String,
    /// The user to log in as.
    #[serde(
        default,
        deserialize_with = "user",
        skip_serializing_if = "Option::is_none"
    )]
    pub user: Option<String>,
    /// The port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The keys of which it has to show one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host_keys: Vec<HostKey>,
    /// Whether the module ever came through with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settled: bool,
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
    /// Reads the text of a cell's roster alone, as its store has it.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// The text of it alone.
    pub fn text(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }

    /// Gives every machine of a module its number: the one that the plan fixes, else the one it
    /// has, else the next in the order of the plan.
    pub fn enroll(&mut self, plan: &Plan, module: &ModuleUse) -> &Membership {
        let membership = self.modules.entry(module.name.clone()).or_default();
        let machines = module.machines.iter().filter_map(|name| plan.machine(name));
        let mut taken: BTreeSet<u32> = module.ordinals.values().copied().map(u32::from).collect();
        taken.extend(membership.machines.values().map(|seat| seat.ordinal));
        // Numbers that are taken stay so: what comes next need not look at those before again.
        let mut free = membership.next;
        for machine in machines {
            let fixed = module.ordinals.get(&machine.name).copied().map(u32::from);
            let had = membership.machines.get(&machine.name);
            let ordinal = fixed.or(had.map(|seat| seat.ordinal)).unwrap_or_else(|| {
                while taken.contains(&free) && free < u32::MAX {
                    free += 1;
                }
                free
            });
            taken.insert(ordinal);
            let seat = Seat {
                ordinal,
                address: machine.address.clone(),
                user: machine.user.clone(),
                port: machine.port,
                host_keys: machine.host_keys.iter().map(HostKey::anywhere).collect(),
                settled: had.is_some_and(|seat| seat.settled),
            };
            membership.machines.insert(machine.name.clone(), seat);
        }
        let highest = taken.last().copied().unwrap_or(0);
        membership.next = membership.next.max(highest.saturating_add(1));
        membership
    }

    /// Notes that a module came through with all of its members.
    pub fn settle(&mut self, module: &InstanceName) {
        if let Some(membership) = self.modules.get_mut(module) {
            for seat in membership.machines.values_mut() {
                seat.settled = true;
            }
        }
    }

    /// Notes that members are off their machines and their data is still there. They keep the numbers
    /// that it is known by; and where all of them went, whoever comes next founds and does not join.
    pub fn withdraw(&mut self, module: &InstanceName, machines: &[MachineName]) {
        if let Some(membership) = self.modules.get_mut(module) {
            for machine in machines {
                if let Some(seat) = membership.machines.get_mut(machine) {
                    seat.settled = false;
                }
            }
        }
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

impl Membership {
    /// The members that joined since the module last came through. Where it never did, there is
    /// nobody that they could have joined.
    pub fn newcomers(&self) -> BTreeSet<MachineName> {
        let new = self.machines.iter().filter(|(_, seat)| !seat.settled);
        let new: BTreeSet<MachineName> = new.map(|(name, _)| name.clone()).collect();
        if new.len() == self.machines.len() {
            BTreeSet::new()
        } else {
            new
        }
    }
}

/// Reads an address as a plan would: it becomes an argument of ssh.
fn address<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    check_address(&text).map_err(D::Error::custom)?;
    Ok(text)
}

/// Reads the name of a user in the same way.
fn user<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.as_deref()
        .map_or(Ok(()), check_user)
        .map_err(D::Error::custom)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(machines: &str, extra: &str) -> Plan {
        let text = format!(
            "cell = \"t\"\n[machines]\na = {{ address = \"10.0.0.1\" }}\nb = {{ address = \"10.0.0.2\" }}\nc = {{ address = \"10.0.0.3\" }}\n[modules.x]\non = {machines}\n{extra}"
        );
        Plan::parse("plan.toml", &text).unwrap()
    }

    fn enroll(roster: &mut Roster, plan: &Plan) -> Vec<(String, u32)> {
        let module = plan.modules.first().unwrap();
        let membership = roster.enroll(plan, module);
        membership
            .machines
            .iter()
            .map(|(name, number)| (name.to_string(), number.ordinal))
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
    fn members_whose_data_stays_keep_their_numbers_and_begin_anew() {
        let mut roster = Roster::default();
        let name = InstanceName::new("x").unwrap();
        let both = plan("[\"b\", \"a\"]", "");
        let numbers = enroll(&mut roster, &both);
        roster.settle(&name);
        let [a, b] = ["a", "b"].map(|name| MachineName::new(name).unwrap());
        roster.withdraw(&name, std::slice::from_ref(&a));
        let newcomers = |roster: &Roster| roster.modules.get(&name).unwrap().newcomers();
        assert_eq!(newcomers(&roster), BTreeSet::from([a]));
        roster.withdraw(&name, &[b]);
        assert!(newcomers(&roster).is_empty(), "all of them found it");
        assert_eq!(enroll(&mut roster, &both), numbers);
    }

    #[test]
    fn tells_newcomers_from_those_that_the_module_came_through_with() {
        let mut roster = Roster::default();
        let name = InstanceName::new("x").unwrap();
        enroll(&mut roster, &plan("[\"a\", \"b\"]", ""));
        let newcomers = |roster: &Roster| roster.modules.get(&name).unwrap().newcomers();
        assert!(newcomers(&roster).is_empty(), "all of them found it");
        roster.settle(&name);
        enroll(&mut roster, &plan("\"all\"", ""));
        let joined = MachineName::new("c").unwrap();
        assert_eq!(newcomers(&roster), BTreeSet::from([joined]));
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

    #[test]
    fn takes_no_address_and_no_user_that_a_plan_could_not_have() {
        let read = |seat: &str| {
            let head = "[modules.x]\nnext = 2\n[modules.x.machines.a]\nordinal = 1\n";
            Roster::parse(&format!("{head}{seat}"))
        };
        assert!(read("address = \"10.0.0.1\"\nuser = \"ann\"").is_ok());
        for seat in [
            "address = \"-oProxyCommand=x\"",
            "address = \"a b\"",
            "address = \"\"",
            "address = \"10.0.0.1\"\nuser = \"-l\"",
            "address = \"10.0.0.1\"\nuser = \"$(x)\"",
        ] {
            assert!(read(seat).is_err(), "{seat}");
        }
    }
}
