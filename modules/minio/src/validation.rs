use std::collections::BTreeSet;
use std::net::IpAddr;

use cellhost_sdk::prelude::*;

use crate::layout;
use crate::settings::{Pool, Settings};
use crate::source::Source;

/// Where the module may write.
const ROOMS: [&str; 2] = ["/mnt/", "/srv/minio/"];
/// Fewer machines do not outlive the loss of one with writes, or not by much.
const FEWEST_MACHINES: usize = 4;
const FEWEST_DRIVES: usize = 4;
/// What the plan says by settings of their own.
const TAKEN: [&str; 10] = [
    "MINIO_ACCESS_KEY",
    "MINIO_CI_CD",
    "MINIO_OPTS",
    "MINIO_PROMETHEUS_AUTH_TYPE",
    "MINIO_ROOT_PASSWORD",
    "MINIO_ROOT_USER",
    "MINIO_SECRET_KEY",
    "MINIO_SITE_REGION",
    "MINIO_STORAGE_CLASS_STANDARD",
    "MINIO_VOLUMES",
];

/// Finds what is wrong with the plan's use of this module.
pub(crate) fn problems(cell: &Cell<Settings>) -> Vec<Problem> {
    let settings = cell.settings();
    let members = cell.members();
    let members = members.iter().map(|one| (one.name(), one.address()));
    let members: Vec<(String, String)> = members.collect();
    let mut problems: Vec<Problem> = program(&settings.source).into_iter().collect();
    for (place, pool) in settings.pools.iter().enumerate() {
        problems.extend(written(place, pool));
        if !pool.decommissioned {
            problems.extend(sizes(place, pool, settings));
        }
    }
    problems.extend(parity(settings));
    problems.extend(belonging(settings, &members));
    problems.extend(addresses(&members));
    problems.extend(root_user(&settings.root_user));
    problems.extend(options(settings));
    problems
}

fn program(source: &Source) -> Option<Problem> {
    let Source::Package(name) = source else {
        return None;
    };
    let version = name.strip_prefix("minio=");
    let is_fine = name == "minio" || version.is_some_and(|version| !version.is_empty());
    (!is_fine).then(|| {
        let words = format!("`{}` is not MinIO's package", name.escape_debug());
        Problem::with("/source/package", words)
    })
}

/// How a pool is written.
fn written(place: usize, pool: &Pool) -> Vec<Problem> {
    let mut problems = Vec::new();
    let ranges = pool.machines.iter().map(|text| ("machines", text));
    for (setting, text) in ranges.chain([("drives", &pool.drives)]) {
        if text.contains(['{', '}']) || layout::names(text).is_none() {
            problems.push(Problem::with(
                format!("/pools/{place}/{setting}"),
                format!(
                    "`{}` is no name and no range of names: write `[1-4]`, which MinIO is told as \
                     `{{1...4}}`",
                    text.escape_debug()
                ),
            ));
        }
    }
    let fine = |c: char| c.is_ascii_alphanumeric() || "._-/[]".contains(c);
    let is_within = ROOMS.iter().any(|room| {
        let rest = pool.drives.strip_prefix(room);
        let plain = |part: &str| !matches!(part, "" | "." | "..");
        rest.is_some_and(|rest| rest.split('/').all(plain))
    });
    if problems.is_empty() && (!is_within || !pool.drives.chars().all(fine)) {
        problems.push(Problem::with(
            format!("/pools/{place}/drives"),
            format!(
                "`{}` is not below {}: mount the drives there",
                pool.drives.escape_debug(),
                ROOMS.map(|room| room.trim_end_matches('/')).join(" or ")
            ),
        ));
    }
    problems
}

/// Whether a pool's drives can be shared out, and outlive anything.
fn sizes(place: usize, pool: &Pool, settings: &Settings) -> Vec<Problem> {
    let (machines, drives) = (pool.members().len(), pool.paths().len());
    let about = |words: String| vec![Problem::with(format!("/pools/{place}"), words)];
    if machines < 2 {
        return about("has fewer than two machines: that is no cluster".to_owned());
    }
    if machines < FEWEST_MACHINES && !settings.fragile {
        let fate = match machines {
            2 => "with two machines nobody writes while one of them is away",
            _ => "three machines outlive one that is away, and nothing else beside",
        };
        return about(format!(
            "{fate}. Give it {FEWEST_MACHINES} machines or more, or say `fragile = true`"
        ));
    }
    let total = machines * drives;
    if total < FEWEST_DRIVES {
        return about(format!(
            "has {total} drives, fewer than {FEWEST_DRIVES}: an erasure set of them protects nothing"
        ));
    }
    let words = format!("{machines} machines with {drives} drives each, {total} in all,");
    match pool.set() {
        None => about(format!(
            "{words} are not divisible by any size of an erasure set: 2 to 16 drives, as many of \
             each machine"
        )),
        Some(set) if set < FEWEST_DRIVES => about(format!(
            "{words} make erasure sets of {set}, which protect too little: take a number of \
             machines with more divisors"
        )),
        Some(_) => Vec::new(),
    }
}

/// Every pool has to bear what the first one has.
fn parity(settings: &Settings) -> Vec<Problem> {
    let pools = settings.pools.iter().enumerate();
    let living = pools.filter(|(_, pool)| !pool.decommissioned);
    let mut sets = living.filter_map(|(place, pool)| Some((place, pool.set()?)));
    let mut problems = Vec::new();
    if settings.parity.is_some_and(|drives| drives < 2) {
        let words = "protects too little: two drives of a set or more";
        problems.push(Problem::with("/parity", words));
    }
    let Some((first, set)) = sets.next() else {
        return problems;
    };
    let tolerated = settings.tolerated(set);
    if tolerated * 2 > set {
        problems.push(Problem::with(
            "/parity",
            format!(
                "{tolerated} is more than half of an erasure set of pool {}, which has {set} drives",
                first + 1
            ),
        ));
    }
    for (place, own) in sets {
        if tolerated * 2 > own {
            problems.push(Problem::with(
                format!("/pools/{place}"),
                format!(
                    "makes erasure sets of {own} drives, and {tolerated} of a set have to be for \
                     parity, as in the pools before it: it needs sets of {} or more",
                    tolerated * 2
                ),
            ));
        }
    }
    problems
}

/// Whether the members are those of the pools.
fn belonging(settings: &Settings, members: &[(String, String)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    if settings.pools.iter().all(|pool| pool.decommissioned) {
        problems.push(Problem::with(
            "/pools",
            "has none: nobody would keep anything",
        ));
    }
    let is_member = |name: &str| members.iter().any(|(own, _)| own == name);
    let mut seen = BTreeSet::new();
    for (place, pool) in settings.pools.iter().enumerate() {
        for name in pool.members() {
            let shown = name.escape_debug().to_string();
            let words = if pool.decommissioned && is_member(&name) {
                format!("{shown} is of a pool that was decommissioned: take it out of `on`")
            } else if !pool.decommissioned && !is_member(&name) {
                format!("{shown} is none of the machines that the plan gives this module")
            } else if !seen.insert(name) {
                format!("{shown} has a place already")
            } else {
                continue;
            };
            let setting = format!("/pools/{place}/machines");
            problems.push(Problem::with(setting, words));
        }
    }
    let lost = members.iter().filter(|(name, _)| !seen.contains(name));
    let is_written = |name: &str| settings.place(name).is_some();
    for (name, _) in lost.filter(|(name, _)| !is_written(name)) {
        problems.push(Problem::with(
            "/pools",
            format!(
                "{name} is in none. A pool that is there keeps its size: machines that come are a \
                 pool of their own, behind the others; one that comes in the place of another gets \
                 that one's place"
            ),
        ));
    }
    problems
}

fn addresses(members: &[(String, String)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut taken = BTreeSet::new();
    for (name, address) in members {
        let literal: Option<IpAddr> = address.parse().ok();
        let words = match literal {
            None => format!(
                "{name} has the address `{address}`: members know each other by names of their \
                 own, for which an IP address is needed"
            ),
            Some(own) if own.is_loopback() || own.is_unspecified() => {
                format!("{name} has the address {address}, where the other members cannot reach it")
            }
            Some(own) if !taken.insert(own) => {
                format!("{name} has the address {address} of another member")
            }
            Some(_) => continue,
        };
        problems.push(Problem::of_all(words));
    }
    problems
}

fn root_user(name: &str) -> Option<Problem> {
    let words = if name == "minioadmin" {
        "is the one that everybody knows: choose another"
    } else if name.chars().count() < 3 {
        "has fewer than 3 characters, which MinIO refuses"
    } else if name.contains(['=', ',']) || name.contains(char::is_control) {
        "has a `=`, a `,` or what is no character, which MinIO refuses"
    } else {
        return None;
    };
    Some(Problem::with("/root-user", words))
}

fn options(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    if settings.port == settings.console_port {
        let words = format!("{} is taken by `port`", settings.port);
        problems.push(Problem::with("/console-port", words));
    }
    for (key, value) in &settings.options {
        let fine = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let words = if TAKEN.contains(&key.as_str()) {
            "is decided by this module or by a setting of its own"
        } else if !key.starts_with("MINIO_")
            || !key.chars().all(fine)
            || value.contains(char::is_control)
        {
            "is no variable of MinIO"
        } else {
            continue;
        };
        problems.push(Problem::with(format!("/options/{key}"), words));
    }
    problems
}

#[cfg(test)]
mod tests;
