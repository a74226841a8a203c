use std::collections::{BTreeMap, BTreeSet, HashMap};

use semver::VersionReq;
use serde_json::{Map, Value as Json};

use crate::document::{Table, Text, Value};
use crate::exact::Exact;
use crate::grants::{Grants, read_links};
use crate::group::unknown_machine;
use crate::inventory::Inventory;
use crate::module::{ModuleId, ModuleUse, Replacement};
use crate::name::{InstanceName, MachineName, PhaseName, SecretName};
use crate::phases::Phases;
use crate::problem::Problem;
use crate::rolling::RollingChoice;
use crate::secret::Secrets;
use crate::selection::select;
use crate::settings::{Places, Settings};
use crate::source::Span;
use crate::version::requirement;

/// One entry of `[modules]` while the plan is read.
#[derive(Debug)]
pub(crate) struct ModuleEntry<'a> {
    pub(crate) key: Text<'a>,
    pub(crate) after: Vec<Text<'a>>,
    pub(crate) phase: Option<PhaseName>,
    /// Nothing when it cannot be used, which has been reported then.
    pub(crate) module: Option<ModuleUse>,
}

impl<'a> ModuleEntry<'a> {
    pub(crate) fn read(
        key: Text<'a>,
        value: &Value<'a>,
        phases: &Phases,
        inventory: &Inventory,
        secrets: &Secrets,
    ) -> Option<Self> {
        let name = key.parse(InstanceName::new);
        let mut table = value.table()?;
        let meant = match table.get("module") {
            Some(value) => value.parse(meant),
            None => key.as_str().parse().ok().map(|id| (id, None)),
        };
        let version = table.get("version");
        let requirement_span = version.as_ref().map_or(key.span(), Value::span);
        let requirement = version.map_or(Some(VersionReq::STAR), |value| value.parse(requirement));
        let places = read_on(&mut table, inventory);
        let phase = table
            .get("phase")
            .and_then(|value| phases.find(&value.text()?));
        let after = table
            .get("after")
            .and_then(|value| value.texts())
            .unwrap_or_default();
        let settings = read_settings(table.get("settings"), &key);
        let ordinals = table.get("ordinals").and_then(|value| value.table());
        let ordinals = ordinals.map(|table| read_ordinals(&table, &places, inventory));
        let templates = table.get("templates").and_then(|value| value.table());
        let templates = templates.map(|table| read_templates(&table));
        let rolling = table.get("rolling");
        let rolling = rolling.map(|value| RollingChoice::read(&value));
        let grants = table.get("grants");
        let grants = grants.and_then(|value| Grants::read(&value));
        let links = table.get("links").map(|value| read_links(&value));
        table.finish();
        let named: BTreeSet<SecretName> = settings
            .secrets
            .iter()
            .filter_map(|text| secrets.reference(text))
            .collect();
        let machines = places
            .iter()
            .filter_map(|place| inventory.machines.get(*place));
        let waits: Vec<(InstanceName, Span)> = after
            .iter()
            .filter_map(|text| Some((InstanceName::new(text.as_str()).ok()?, text.span())))
            .collect();
        let (waits, after_spans) = waits.into_iter().unzip();
        let module = (|| {
            let (module, exact) = meant?;
            Some(ModuleUse {
                name: name?,
                module,
                exact,
                requirement: requirement?,
                machines: machines.map(|machine| machine.name.clone()).collect(),
                phase: phase.clone(),
                after: waits,
                after_spans,
                settings: settings.json,
                secrets: named,
                ordinals: ordinals.unwrap_or_default(),
                templates: templates.unwrap_or_default(),
                rolling: rolling.unwrap_or_default(),
                grants,
                links: links.unwrap_or_default(),
                span: key.span(),
                requirement_span,
                places: settings.places,
            })
        })();
        Some(Self {
            key,
            after,
            phase,
            module,
        })
    }
}

/// Reads which module is meant: by its name, or by its address with a hash.
fn meant(text: &str) -> Result<(ModuleId, Option<Exact>), Problem> {
    if text.contains("://") {
        return Exact::parse(text).map(|(id, exact)| (id, Some(exact)));
    }
    text.parse().map(|id| (id, None))
}

fn read_on(table: &mut Table<'_>, inventory: &Inventory) -> Vec<usize> {
    let on = table.require("on", "\"role:…\"");
    let Some(selectors) = on.as_ref().and_then(Value::one_or_more_texts) else {
        return Vec::new();
    };
    if let Some(on) = on.filter(|_| selectors.is_empty()) {
        on.reject(
            Problem::new("this module has no machines").help("name a role, such as `role:x`"),
        );
    }
    select(&selectors, inventory)
}

fn read_settings<'a>(value: Option<Value<'a>>, key: &Text<'a>) -> Settings<'a> {
    let read = value
        .filter(|value| value.table().is_some())
        .map(|value| Settings::read(&value));
    read.unwrap_or_else(|| Settings {
        json: Json::Object(Map::new()),
        places: Places::whole(key.span()),
        secrets: Vec::new(),
    })
}

fn read_templates(table: &Table<'_>) -> BTreeMap<String, Replacement> {
    let entries = table.entries().into_iter();
    let replaced = entries.filter_map(|(key, value)| {
        let text = value.text()?;
        let replacement = Replacement {
            text: text.as_str().to_owned(),
            span: key.span(),
        };
        Some((key.as_str().to_owned(), replacement))
    });
    replaced.collect()
}

/// `places` are in order.
fn read_ordinals(
    table: &Table<'_>,
    places: &[usize],
    inventory: &Inventory,
) -> BTreeMap<MachineName, u16> {
    let mut ordinals = BTreeMap::new();
    let mut taken = HashMap::new();
    for (key, value) in table.entries() {
        let ordinal = value.integer(1..=u16::MAX);
        let Some(place) = inventory.place(key.as_str()) else {
            key.reject(unknown_machine(key.as_str(), &key, inventory));
            continue;
        };
        if places.binary_search(&place).is_err() {
            let message = format!("`{}` is not one of this module's machines", key.as_str());
            key.reject(
                Problem::new(message).help("fix numbers only for machines that `on` selects"),
            );
            continue;
        }
        let (Some(ordinal), Some(machine)) = (ordinal, inventory.machines.get(place)) else {
            continue;
        };
        if let Some(first) = taken.insert(ordinal, value.span()) {
            let problem = Problem::new(format!("the number {ordinal} is given twice"));
            value.reject(problem.related(first, "first given here"));
        }
        ordinals.insert(machine.name.clone(), ordinal);
    }
    ordinals
}
