//! How services are, as shell text and as its answer.

use std::collections::{BTreeMap, BTreeSet};

use super::{ServiceFacts, unit};
use crate::shell::{Misread, Part, Refusal, Script, Sections, escape, name};

/// Asks about services.
pub(crate) fn ask(
    script: &mut Script,
    names: &BTreeSet<String>,
    memory: &str,
) -> Result<(), Refusal> {
    script.need(&[Part::Service]);
    let mut words = vec![memory.to_owned()];
    for service in names {
        words.push(unit(name("service", service)?));
        words.push(escape(service));
    }
    script.call("ch_ask ch_services", words)
}

/// Reads the answer. None where there is no service manager known here.
pub(crate) fn read(
    sections: &mut Sections,
    names: &BTreeSet<String>,
) -> Result<Option<BTreeMap<String, ServiceFacts>>, Misread> {
    let owed = sections.any()?;
    match owed.mark.as_str() {
        "owed" => {}
        "end refused" => return Ok(None),
        _ => return Err(Misread::new("no list of what is owed")),
    }
    let owed = String::from_utf8_lossy(&owed.data).into_owned();
    let shown = sections.take("services")?;
    let shown = String::from_utf8_lossy(&shown).into_owned();
    let owed: Vec<&str> = owed.lines().collect();
    let shown: Vec<&str> = shown.trim_end().split("\n\n").collect();
    if owed.len() != names.len() || shown.len() != names.len() {
        return Err(Misread::new("another count of services than asked for"));
    }
    let mut facts = BTreeMap::new();
    for ((name, owed), shown) in names.iter().zip(owed).zip(shown) {
        facts.insert(name.clone(), service(name, owed, shown)?);
    }
    Ok(Some(facts))
}

fn service(name: &str, owed: &str, shown: &str) -> Result<ServiceFacts, Misread> {
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
        "generated" => owed.contains('b'),
        state => matches!(state, "enabled" | "static" | "indirect"),
    };
    Ok(ServiceFacts {
        known: load != "not-found",
        enabled: enabled && load != "not-found",
        running: matches!(active, "active" | "reloading"),
        state: active.to_owned(),
        restart_owed: owed.contains('r'),
        reload_owed: owed.contains('l'),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_service_by_its_other_name() {
        let shown = "Id=mariadb.service\nNames=mariadb.service mysql.service\nLoadState=loaded\n\
                     ActiveState=active\nUnitFileState=enabled";
        let facts = service("mysql", "r.", shown).unwrap();
        assert!(facts.known && facts.enabled && facts.running && facts.restart_owed);
        assert!(service("redis", ".", shown).is_err());
    }

    #[test]
    fn asks_the_init_links_about_a_generated_unit() {
        let shown =
            "Id=zookeeper.service\nLoadState=loaded\nActiveState=inactive\nUnitFileState=generated";
        assert!(service("zookeeper", "b.", shown).unwrap().enabled);
        assert!(!service("zookeeper", ".", shown).unwrap().enabled);
    }
}
