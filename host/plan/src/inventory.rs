use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::definition::Definition;
use crate::document::{Report, Value};
use crate::group::{Gifts, Group};
use crate::machine::Machine;
use crate::name::MachineName;
use crate::problem::Problem;
use crate::range::LARGEST_RANGE;
use crate::source::Span;
use crate::ssh::Ssh;

/// The machines and groups of a plan.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    pub(crate) machines: Vec<Machine>,
    pub(crate) places: HashMap<MachineName, usize>,
    /// The members of every group, by place in `machines`.
    pub(crate) groups: BTreeMap<String, Vec<usize>>,
    /// Set when some machines could not be named, so that looking for them proves nothing.
    pub(crate) incomplete: bool,
}

/// Where an address was first used: the entry, its place and the machine.
type FirstUse = (usize, Span, MachineName);

impl Inventory {
    pub(crate) fn read(
        machines: Option<Value<'_>>,
        groups: Option<Value<'_>>,
        ssh: &Ssh,
        report: &Report,
    ) -> Self {
        let mut inventory = Self::default();
        let entries = machines
            .and_then(|value| value.table())
            .map(|table| table.entries());
        let mut definitions = Vec::new();
        for (key, value) in entries.unwrap_or_default() {
            match Definition::read(key, &value) {
                Some(definition) => definitions.push(definition),
                None => inventory.incomplete = true,
            }
        }
        let mut first_uses = HashMap::new();
        for (index, definition) in definitions.iter().enumerate() {
            inventory.add(definition, ssh);
            check_addresses(index, definition, ssh, &mut first_uses, report);
        }
        let mut gifts = Gifts::new(report);
        for group in Group::read_all(groups, &inventory) {
            group.apply(&mut inventory, &mut gifts);
        }
        inventory
    }

    /// Gives the place of a machine.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// Gives all machine names, in plan order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.machines.iter().map(|machine| machine.name.as_str())
    }

    fn add(&mut self, definition: &Definition<'_>, ssh: &Ssh) {
        let room = usize::try_from(LARGEST_RANGE).unwrap_or(usize::MAX) - self.machines.len();
        if definition.names.len() > room {
            let message = format!("a plan has at most {LARGEST_RANGE} machines");
            definition.key.reject(Problem::new(message));
            self.incomplete = true;
            return;
        }
        let mut repeated = None;
        for (index, name) in definition.names.iter().enumerate() {
            if let Some(first) = self
                .places
                .get(name)
                .and_then(|place| self.machines.get(*place))
            {
                repeated.get_or_insert((name, first.span));
                continue;
            }
            self.places.insert(name.clone(), self.machines.len());
            self.machines.push(machine(definition, index, name, ssh));
        }
        if let Some((name, first)) = repeated {
            let problem = Problem::new(format!("machine `{name}` is defined twice"));
            definition
                .key
                .reject(problem.related(first, "first defined here"));
        }
    }
}

fn machine(definition: &Definition<'_>, index: usize, name: &MachineName, ssh: &Ssh) -> Machine {
    let attributes = &definition.attributes;
    let tags = attributes.tags.iter();
    let variables = attributes.variables.iter();
    Machine {
        name: name.clone(),
        address: definition.addresses.get(index).cloned().unwrap_or_default(),
        user: definition.user.clone().or_else(|| ssh.user.clone()),
        port: definition.port.or(ssh.port),
        host_keys: definition.host_keys.clone(),
        roles: attributes.roles.iter().cloned().collect(),
        groups: BTreeSet::new(),
        tags: tags
            .map(|(key, (value, _))| (key.clone(), value.clone()))
            .collect(),
        zone: attributes.zone.as_ref().map(|(zone, _)| zone.clone()),
        variables: variables
            .map(|(key, (value, _))| (key.clone(), value.clone()))
            .collect(),
        span: definition.key.span(),
    }
}

/// Reports two machines at one address, once for every pair of entries.
fn check_addresses(
    index: usize,
    definition: &Definition<'_>,
    ssh: &Ssh,
    first_uses: &mut HashMap<(String, u16), FirstUse>,
    report: &Report,
) {
    let port = definition.port.or(ssh.port).unwrap_or(22);
    let mut reported = HashSet::new();
    for (name, address) in definition.names.iter().zip(&definition.addresses) {
        let here = (index, definition.address_span, name.clone());
        let first = first_uses
            .entry((address.to_ascii_lowercase(), port))
            .or_insert(here.clone());
        if *first == here || first.2 == *name || !reported.insert(first.0) {
            continue;
        }
        let problem = Problem::new(format!(
            "machines `{}` and `{name}` share an address",
            first.2
        ))
        .label(format!("`{address}` port {port} again"))
        .related(first.1, "first used here");
        report.error(definition.address_span, definition.key.path(), problem);
    }
}
