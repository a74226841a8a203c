//! MinIO's rules of pools and erasure sets.

use std::fmt::Write as _;

use crate::settings::{Pool, Settings};

/// Erasure sets have so many drives at most.
const LARGEST: usize = 16;

/// `disk[1-4]`: what stands before the numbers and behind them, and the numbers.
struct Range<'a> {
    head: &'a str,
    first: u32,
    last: u32,
    tail: &'a str,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (head, rest) = text.split_once('[')?;
        let (numbers, tail) = rest.split_once(']')?;
        let (first, last) = numbers.split_once('-')?;
        let number = |text: &str| {
            let is_plain = !text.starts_with(['0', '+']);
            text.parse().ok().filter(|_| is_plain)
        };
        let (first, last) = (number(first)?, number(last)?);
        let is_fine = first < last && last - first < 1000 && !tail.contains(['[', ']']);
        is_fine.then_some(Self {
            head,
            first,
            last,
            tail,
        })
    }
}

/// Writes out a range; a text without one is itself. None where it is neither.
pub(crate) fn names(text: &str) -> Option<Vec<String>> {
    if !text.contains(['[', ']']) {
        return Some(vec![text.to_owned()]);
    }
    let Range {
        head,
        first,
        last,
        tail,
    } = Range::parse(text)?;
    let names = (first..=last).map(|number| format!("{head}{number}{tail}"));
    Some(names.collect())
}

impl Pool {
    /// Returns its machines' names in order.
    pub(crate) fn members(&self) -> Vec<String> {
        let names = self.machines.iter().filter_map(|text| names(text));
        names.flatten().collect()
    }

    /// Returns where each machine has its drives.
    pub(crate) fn paths(&self) -> Vec<String> {
        names(&self.drives).unwrap_or_default()
    }

    /// Returns how many drives are in an erasure set; none where they cannot be shared out.
    pub(crate) fn set(&self) -> Option<usize> {
        set(self.members().len(), self.paths().len())
    }

    /// Its drives as MinIO writes them.
    fn pattern(&self) -> String {
        match Range::parse(&self.drives) {
            Some(range) => format!(
                "{}{{{}...{}}}{}",
                range.head, range.first, range.last, range.tail
            ),
            None => self.drives.clone(),
        }
    }
}

impl Settings {
    /// Returns what MinIO is told of its drives: one argument for each pool.
    pub(crate) fn volumes(&self) -> Vec<String> {
        let pools = (1_usize..).zip(&self.pools);
        let living = pools.filter(|(_, pool)| !pool.decommissioned);
        let arguments = living.map(|(number, pool)| {
            let machines = pool.members().len();
            let (port, drives) = (self.port, pool.pattern());
            format!("http://minio-{number}-{{1...{machines}}}:{port}{drives}")
        });
        arguments.collect()
    }

    /// Returns the place of a machine: the number of its pool and its own in it, from 1 on.
    pub(crate) fn place(&self, machine: &str) -> Option<(usize, usize)> {
        (1..).zip(&self.pools).find_map(|(pool, own)| {
            let members = own.members();
            let place = members.iter().position(|name| name == machine)?;
            Some((pool, place + 1))
        })
    }

    /// Writes down what a machine agrees to. A line that was agreed to stays as it is, but for a pool
    /// that goes.
    pub(crate) fn agreement(&self, (pool, place): (usize, usize)) -> String {
        let mut text = format!("machine {place} of pool {pool}\n");
        for (number, pool) in (1_usize..).zip(&self.pools) {
            let _ = if pool.decommissioned {
                writeln!(text, "pool {number}: decommissioned")
            } else {
                let machines = pool.members().len();
                let drives = pool.pattern();
                writeln!(
                    text,
                    "pool {number}: {machines} machines, each with {drives}"
                )
            };
        }
        text
    }

    /// Returns how many drives of a set may fail without loss.
    pub(crate) fn tolerated(&self, set: usize) -> usize {
        self.parity.unwrap_or(match set {
            0 | 1 => 0,
            2 | 3 => 1,
            4 | 5 => 2,
            6 | 7 => 3,
            _ => 4,
        })
    }
}

/// The largest size that all drives can be shared out in, so that every set has as many drives of each
/// machine, or as many machines of each set.
pub(crate) fn set(machines: usize, drives: usize) -> Option<usize> {
    let total = machines * drives;
    let even = |set: &usize| {
        total.is_multiple_of(*set)
            && (set.is_multiple_of(machines) || machines.is_multiple_of(*set))
    };
    (2..=LARGEST).rev().find(even)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pools: &str) -> Settings {
        let text = format!(
            r#"{{"root-user": "cell", "root-password": {{"secret": "p"}}, "pools": {pools}}}"#
        );
        cellhost_sdk::serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn sets_have_the_sizes_that_minio_chooses() {
        for (machines, drives, expected) in [
            (4, 1, Some(4)),
            (4, 2, Some(8)),
            (4, 4, Some(16)),
            (5, 2, Some(10)),
            (6, 2, Some(12)),
            (9, 2, Some(9)),
            (3, 2, Some(6)),
            (2, 2, Some(4)),
            (16, 2, Some(16)),
            (32, 1, Some(16)),
            (17, 1, None),
            (19, 2, None),
        ] {
            assert_eq!(set(machines, drives), expected, "{machines} x {drives}");
        }
    }

    #[test]
    fn pools_are_written_as_minio_reads_them() {
        let settings = settings(
            r#"[{"machines": ["m[1-4]"], "drives": "/mnt/disk[1-2]"},
                {"machines": ["a", "b", "m[8-9]"], "drives": "/mnt/data"}]"#,
        );
        assert_eq!(
            settings.volumes(),
            [
                "http://minio-1-{1...4}:9000/mnt/disk{1...2}",
                "http://minio-2-{1...4}:9000/mnt/data"
            ]
        );
        assert_eq!(settings.place("m3"), Some((1, 3)));
        assert_eq!(settings.place("m8"), Some((2, 3)));
        assert_eq!(settings.place("m5"), None);
        assert_eq!(
            settings.agreement((2, 3)),
            "machine 3 of pool 2\npool 1: 4 machines, each with /mnt/disk{1...2}\n\
             pool 2: 4 machines, each with /mnt/data\n"
        );
    }

    #[test]
    fn a_pool_that_goes_keeps_its_number() {
        let settings = settings(
            r#"[{"machines": ["m[1-4]"], "drives": "/mnt/d", "decommissioned": true},
                {"machines": ["m[5-8]"], "drives": "/mnt/d"}]"#,
        );
        assert_eq!(settings.volumes(), ["http://minio-2-{1...4}:9000/mnt/d"]);
        assert_eq!(
            settings.agreement((2, 1)),
            "machine 1 of pool 2\npool 1: decommissioned\n\
             pool 2: 4 machines, each with /mnt/d\n"
        );
    }

    #[test]
    fn what_is_no_range_is_none() {
        for text in [
            "/mnt/[1-",
            "/mnt/[2-1]",
            "/mnt/[1..4]",
            "/mnt/[01-04]",
            "m[1-2][3-4]",
        ] {
            assert_eq!(names(text), None, "{text}");
        }
        assert_eq!(
            names("/mnt/d[9-11]/x").unwrap().concat(),
            "/mnt/d9/x/mnt/d10/x/mnt/d11/x"
        );
    }
}
