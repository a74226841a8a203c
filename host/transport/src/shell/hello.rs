//! What a machine says of itself when a conversation begins.

use std::collections::BTreeMap;

use super::answer::{Misread, Section};
use crate::Lease;

/// Names of facts that a greeting may hold.
const NAMES: [&str; 10] = [
    LEASE,
    "kernel",
    "host.name",
    "boot.id",
    "memory",
    "processors",
    "init",
    "architecture",
    "uid",
    "os.ID",
];
/// The longest fact.
const LONGEST: usize = 256;
/// Whose lease stands there: nothing that anybody but a courier is told.
const LEASE: &str = "lease";
/// The longest line of a lease.
const LONGEST_LEASE: usize = 900;

/// Why a greeting is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoGreeting {
    /// Tools are missing; these.
    Unfit(String),
    /// It cannot be read.
    Misread(Misread),
}

/// Reads a greeting into facts by name.
pub(super) fn read(section: &Section) -> Result<BTreeMap<String, String>, NoGreeting> {
    if let Some(missing) = section.mark.strip_prefix("unfit ") {
        return Err(NoGreeting::Unfit(
            super::tail(missing.as_bytes()).replace(' ', ", "),
        ));
    }
    if section.mark != "hello" {
        return Err(NoGreeting::Misread(Misread::new("no greeting")));
    }
    let text = String::from_utf8_lossy(&section.data);
    let mut facts = BTreeMap::new();
    for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
        if !(NAMES.contains(&name) || name == "os.VERSION_ID") {
            continue;
        }
        let value = value.trim().trim_matches(['"', '\'']);
        let longest = if name == LEASE {
            LONGEST_LEASE
        } else {
            LONGEST
        };
        if value.len() > longest || value.chars().any(char::is_control) {
            continue;
        }
        if let Some((name, value)) = fact(name, value) {
            facts.insert(name.to_owned(), value);
        }
    }
    Ok(facts)
}

/// Takes out of what a machine said whose lease stood there.
pub(super) fn take_lease(facts: &mut BTreeMap<String, String>) -> Option<Lease> {
    // How old it is, and whether somebody is at work for it, a greeting does not say.
    Lease::read(&format!("- - - - {}", facts.remove(LEASE)?))
}

fn fact<'a>(name: &'a str, value: &str) -> Option<(&'a str, String)> {
    match name {
        "os.ID" => Some(("os.id", value.to_owned())),
        "os.VERSION_ID" => Some(("os.version", value.to_owned())),
        "memory" => memory(value).map(|bytes| ("memory.bytes", bytes.to_string())),
        "processors" => Some((name, processors(value)?.to_string())),
        _ => Some((name, value.to_owned())),
    }
}

/// Reads the first line of `/proc/meminfo`.
fn memory(line: &str) -> Option<u64> {
    let kibibytes = line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?;
    kibibytes.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Counts a list of ranges such as `0-3,8`.
fn processors(ranges: &str) -> Option<u64> {
    ranges.split(',').try_fold(0_u64, |count, range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?);
        count.checked_add(last.checked_sub(first)?.checked_add(1)?)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn greeting(data: &[u8]) -> Section {
        Section {
            data: data.to_vec(),
            mark: "hello".to_owned(),
        }
    }

    #[test]
    fn reads_what_a_machine_says_of_itself() {
        let facts = read(&greeting(
            b"kernel=6.1\nmemory=MemTotal:  2048 kB\nprocessors=0-3,8\nos.ID=debian\nos.VERSION_ID=\"12\"\nuid=0\n",
        ))
        .unwrap();
        let fact = |name: &str| facts.get(name).map(String::as_str);
        assert_eq!(fact("kernel"), Some("6.1"));
        assert_eq!(fact("memory.bytes"), Some("2097152"));
        assert_eq!(fact("processors"), Some("5"));
        assert_eq!(fact("os.id"), Some("debian"));
        assert_eq!(fact("os.version"), Some("12"));
    }

    #[test]
    fn whose_lease_stood_there_is_no_fact() {
        let words = b"lease=1 t1 c1 web ann alpha r1\nuid=0\n";
        let mut facts = read(&greeting(words)).unwrap();
        let owner = take_lease(&mut facts).unwrap().owner.unwrap();
        assert_eq!(
            (owner.controller.as_str(), owner.cell.as_str()),
            ("c1", "web")
        );
        assert_eq!(owner.token, "t1");
        assert_eq!(facts.keys().collect::<Vec<_>>(), ["uid"]);
        assert_eq!(take_lease(&mut facts), None);
    }

    #[test]
    fn names_the_missing_tools() {
        let section = Section {
            data: Vec::new(),
            mark: "unfit stat gzip".to_owned(),
        };
        assert_eq!(
            read(&section),
            Err(NoGreeting::Unfit("stat, gzip".to_owned()))
        );
    }

    proptest! {
        #[test]
        fn survives_whatever_comes(data in prop::collection::vec(any::<u8>(), 0..500), ranges in "[0-9,-]{0,60}") {
            let _ = read(&greeting(&data));
            let _ = processors(&ranges);
        }
    }
}
