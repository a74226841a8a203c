//! How services are, as shell text and as its answer.

use std::collections::BTreeMap;

use super::{ServiceFacts, unit};
use crate::shell::{Misread, Part, Refusal, Script, Sections, name};

/// Asks about services.
pub(crate) fn ask<'a>(
    script: &mut Script,
    names: impl IntoIterator<Item = &'a String>,
) -> Result<(), Refusal> {
    script.need(&[Part::Service]);
    let units = names
        .into_iter()
        .map(|service| Ok(unit(name("service", service)?)));
    script.call("ch_ask ch_services", units.collect::<Result<Vec<_>, _>>()?)
}

/// Reads the answer. None where there is no service manager known here.
pub(crate) fn read<'a>(
    sections: &mut Sections,
    names: impl IntoIterator<Item = &'a String>,
) -> Result<Option<BTreeMap<String, ServiceFacts>>, Misread> {
    let boots = sections.any()?;
    match boots.mark.as_str() {
        "boots" => {}
        "end refused" => return Ok(None),
        _ => return Err(Misread::new("not told which services start at boot")),
    }
    let shown = sections.take("services")?;
    let shown = String::from_utf8_lossy(&shown).into_owned();
    let shown: Vec<&str> = shown.trim_end().split("\n\n").collect();
    let names: Vec<&String> = names.into_iter().collect();
    if boots.data.len() != names.len() || shown.len() != names.len() {
        return Err(Misread::new("another count of services than asked for"));
    }
    let mut facts = BTreeMap::new();
    for ((name, boots), shown) in names.into_iter().zip(boots.data).zip(shown) {
        facts.insert(name.clone(), service(name, boots == b'b', shown)?);
    }
    Ok(Some(facts))
}

fn service(name: &str, boots: bool, shown: &str) -> Result<ServiceFacts, Misread> {
    let properties: BTreeMap<&str, &str> = shown
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    let property = |name: &str| properties.get(name).copied().unwrap_or_default();
    let unit = unit(name);
    let named = |text: &str| text.split(' ').any(|other| other == unit);
    if !named(property("Id")) && !named(property("Names")) {
        return Err(Misread(format!("another service in place of `{name}`")));
    }
    let (load, active) = (property("LoadState"), property("ActiveState"));
    let enabled = match property("UnitFileState") {
        "generated" => boots,
        state => matches!(state, "enabled" | "static" | "indirect"),
    };
    Ok(ServiceFacts {
        known: load != "not-found",
        enabled: enabled && load != "not-found",
        running: matches!(active, "active" | "reloading"),
        state: active.to_owned(),
        ..ServiceFacts::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_service_by_its_other_name() {
        let shown = "Id=mariadb.service\nNames=mariadb.service mysql.service\nLoadState=loaded\n\
                     ActiveState=active\nUnitFileState=enabled";
        let facts = service("mysql", false, shown).unwrap();
        assert!(facts.known && facts.enabled && facts.running);
        assert!(service("redis", false, shown).is_err());
    }

    #[test]
    fn asks_the_init_links_about_a_generated_unit() {
        let shown =
            "Id=zookeeper.service\nLoadState=loaded\nActiveState=inactive\nUnitFileState=generated";
        assert!(service("zookeeper", true, shown).unwrap().enabled);
        assert!(!service("zookeeper", false, shown).unwrap().enabled);
    }
}
