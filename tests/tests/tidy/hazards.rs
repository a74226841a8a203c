//! The tests that the list of hazards names are there.

use std::path::Path;

use crate::tree::Tree;
use crate::violation::{Violation, assert_none};

const LIST: &str = "docs/hazards.md";

fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    let lines = tree.text(LIST).unwrap_or_default().lines().enumerate();
    let is_row = |line: &str| {
        line.starts_with("| ") && !line.starts_with("| hazard ") && !line.starts_with("|---")
    };
    for (number, line) in lines.filter(|(_, line)| is_row(line)) {
        let last = line.trim_end_matches(['|', ' ']).rsplit(" | ").next();
        let words = last.unwrap_or_default().split('`');
        let words: Vec<&str> = words.skip(1).step_by(2).collect();
        let is_there = match words.as_slice() {
            [file] => {
                tree.text(file).is_some() && Path::new(file).extension() != Some("rs".as_ref())
            }
            [file, name] => tree
                .text(file)
                .is_some_and(|text| text.contains(&format!("fn {name}("))),
            _ => false,
        };
        if !is_there {
            let rule = format!("there is no test `{}`", words.join("` `"));
            let remedy = "name the file and the test that shows what is said of the hazard";
            violations.push(Violation::of_file(LIST, rule, remedy).at(number + 1));
        }
    }
    violations
}

#[test]
fn every_hazard_has_a_test() {
    assert_none(&check(&Tree::of_repository().unwrap()));
}

#[test]
fn refuses_a_hazard_whose_test_is_gone() {
    let found = |row: &str| {
        let list = format!("| hazard | what happens | test |\n|---|---|---|\n{row}\n");
        let tests = ("a/tests.rs", "#[test]\nfn it_is_told() {}\n");
        let case = ("a/wrong/case.toml", "x = 1\n");
        check(&Tree::of(&[(LIST, &list), tests, case])).len()
    };
    assert_eq!(found("| fire | refused | `a/tests.rs` `it_is_told` |"), 0);
    assert_eq!(found("| fire | refused | `a/wrong/case.toml` |"), 0);
    assert_eq!(found("| fire | refused | `a/tests.rs` `it_is_said` |"), 1);
    assert_eq!(found("| fire | refused | `a/tests.rs` |"), 1);
    assert_eq!(found("| fire | refused | |"), 1);
}
