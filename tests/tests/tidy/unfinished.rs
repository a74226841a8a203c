//! What is not done is not in the repository, marked or not.

use crate::tree::Tree;
use crate::violation::{Violation, assert_none};

/// Marks of unfinished work. In two parts, so that this file does not find itself.
const MARKS: [&str; 4] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("to", "do!("),
    concat!("unimplem", "ented!("),
];

fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (file, text) in tree.texts() {
        for (index, line) in text.lines().enumerate() {
            let Some(mark) = MARKS.iter().find(|mark| line.contains(*mark)) else {
                continue;
            };
            let rule = format!("`{mark}` marks what nobody will find again");
            let remedy = "do it, or leave it out and say so in the documentation";
            violations.push(Violation::of_file(&file.path, rule, remedy).at(index + 1));
        }
    }
    violations
}

#[test]
fn nothing_is_marked_as_unfinished() {
    assert_none(&check(&Tree::of_repository().unwrap()));
}

#[test]
fn refuses_marks_of_unfinished_work() {
    for mark in MARKS {
        let line = format!("    // {mark} later)");
        assert_eq!(check(&Tree::of(&[("a.rs", &line)])).len(), 1, "{mark}");
    }
    assert!(check(&Tree::of(&[("a.rs", "// done")])).is_empty());
}
