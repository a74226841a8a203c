//! Nothing in the repository knows the computer that it was written on.

use crate::excuse::{Excuse, excused};
use crate::tree::Tree;
use crate::violation::{Violation, assert_none};

/// Where people's files lie. In two parts, so that this file does not find itself.
const PLACES: [&str; 4] = [
    concat!("/wo", "rk/"),
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
];

const EXCUSES: &[Excuse] = &[
    Excuse {
        file: "host/lab/tests/lab.rs",
        reason: "root's home on a machine of the lab",
    },
    Excuse {
        file: "host/transport/src/ssh/diagnosis.rs",
        reason: "ssh's own words about a made-up user's file",
    },
    Excuse {
        file: "host/transport/tests/ssh.rs",
        reason: "homes of users on a machine of the lab",
    },
];

fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (file, text) in tree.texts() {
        for (index, line) in text.lines().enumerate() {
            let Some(place) = PLACES.iter().find(|place| has_path(line, place)) else {
                continue;
            };
            let rule = format!("a path below `{place}`, as it is on one person's computer");
            let remedy = "make it relative, or ask the environment; a machine's own path needs an \
                          excuse in tests/tests/tidy/computers.rs";
            violations.push(Violation::of_file(&file.path, rule, remedy).at(index + 1));
        }
    }
    violations
}

/// Tells whether a path begins so, rather than having that as its middle.
fn has_path(line: &str, place: &str) -> bool {
    let middle = |c: char| c.is_alphanumeric() || "._-*}])~$/".contains(c);
    line.match_indices(place).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().last());
        !before.is_some_and(middle)
    })
}

#[test]
fn repository_knows_no_computer() {
    let found = check(&Tree::of_repository().unwrap());
    assert_none(&excused(found, EXCUSES, "tests/tests/tidy/computers.rs"));
}

#[test]
fn refuses_a_path_of_a_computer() {
    for place in PLACES {
        let found = |line: String| check(&Tree::of(&[("a.md", &line)])).len();
        assert_eq!(found(format!("see {place}ann/x")), 1);
        assert_eq!(found(format!("\"{place}ann/x\"")), 1);
        assert_eq!(found(format!("overlay{place}x {{root}}{place}y")), 0);
    }
}
