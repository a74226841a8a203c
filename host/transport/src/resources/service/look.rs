//! How services are, as shell text and as its answer.

use std::collections::BTreeMap;

use super::{Place, ServiceFacts, place, unit};
use crate::shell::{Misread, Part, Refusal, Script, Sections, tail};

/// Asks about services.
pub(crate) fn ask<'a>(
    script: &mut Script,
    names: impl IntoIterator<Item = &'a String>,
) -> Result<(), Refusal> {
    let (mut units, mut programs) = (Vec::new(), Vec::new());
    for name in names {
        match place(name)? {
            Place::System(unit) => units.push(unit),
            Place::Supervisor(program) => programs.push(program),
        }
    }
    if !units.is_empty() {
        script.need(&Part::SERVICES);
        script.call("ch_ask ch_services", units)?;
    }
    if !programs.is_empty() {
        script.need(&Part::SUPERVISED);
        script.call("ch_ask ch_supervisor_look", programs)?;
    }
    Ok(())
}

/// Reads the answers. None where there is no service manager known here.
pub(crate) fn read<'a>(
    sections: &mut Sections,
    names: impl IntoIterator<Item = &'a String>,
) -> Result<Option<BTreeMap<String, ServiceFacts>>, Misread> {
    let supervised = |name: &&String| name.starts_with(super::SUPERVISED);
    let (programs, units): (Vec<_>, Vec<_>) = names.into_iter().partition(supervised);
    let mut facts = BTreeMap::new();
    for names in [units, programs] {
        if !names.is_empty() {
            match read_some(sections, &names)? {
                Some(some) => facts.extend(names.into_iter().cloned().zip(some)),
                None => return Ok(None),
            }
        }
    }
    Ok(Some(facts))
}

/// Reads what one keeper says of its services, in their order.
fn read_some(
    sections: &mut Sections,
    names: &[&String],
) -> Result<Option<Vec<ServiceFacts>>, Misread> {
    let another_count = || Misread::new("another count of services than asked for");
    let first = sections.any()?;
    match first.mark.as_str() {
        "boots" => {
            let shown = sections.take("services")?;
            let shown = String::from_utf8_lossy(&shown).into_owned();
            let shown: Vec<&str> = shown.trim_end().split("\n\n").collect();
            if first.data.len() != names.len() || shown.len() != names.len() {
                return Err(another_count());
            }
            let all = names.iter().zip(first.data).zip(shown);
            let facts = all.map(|((name, boots), shown)| service(name, boots == b'b', shown));
            facts.collect::<Result<_, _>>().map(Some)
        }
        "states" => {
            let text = String::from_utf8_lossy(&first.data).into_owned();
            let facts: Vec<_> = text.lines().map(state).collect::<Result<_, _>>()?;
            if facts.len() != names.len() {
                return Err(another_count());
            }
            Ok(Some(facts))
        }
        "end refused" => Ok(None),
        _ => Err(Misread::new("not told how services are")),
    }
}

/// Reads a line: whether it is known, starts with the machine, runs; and its keeper's word.
fn state(line: &str) -> Result<ServiceFacts, Misread> {
    let yes = |word| match word {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(Misread::new("no state of a service")),
    };
    let words: Vec<&str> = line.split(' ').collect();
    let [known, enabled, running, state] = words.as_slice() else {
        return Err(Misread::new("no state of a service"));
    };
    Ok(ServiceFacts {
        known: yes(known)?,
        enabled: yes(enabled)?,
        running: yes(running)?,
        state: tail(state.as_bytes()),
        ..ServiceFacts::default()
    })
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
        state: tail(active.as_bytes()),
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
    fn reads_a_state_in_four_words() {
        let facts = state("yes no yes RUNNING").unwrap();
        assert!(facts.known && !facts.enabled && facts.running);
        assert_eq!(facts.state, "RUNNING");
        assert_eq!(
            state("yes no yes \u{1b}[31mRED\u{9b}").unwrap().state,
            "[31mRED"
        );
        assert!(state("yes no").is_err() && state("yes no maybe x").is_err());
    }

    #[test]
    fn asks_the_init_links_about_a_generated_unit() {
        let shown =
            "Id=zookeeper.service\nLoadState=loaded\nActiveState=inactive\nUnitFileState=generated";
        assert!(service("zookeeper", true, shown).unwrap().enabled);
        assert!(!service("zookeeper", false, shown).unwrap().enabled);
    }
}
