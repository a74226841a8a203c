//! No file longer than a reader can hold.

use crate::tree::{File, Tree};
use crate::violation::{Violation, assert_none};

const MOST_LINES: usize = 500;

/// Whether a file may be longer, and why.
type Exception = (fn(&File) -> bool, &'static str);

const EXCEPTIONS: [Exception; 1] = [(
    File::is_test,
    "cases stand one after the other and are read one at a time",
)];

fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (file, text) in tree.texts() {
        let lines = text.lines().count();
        let excepted = EXCEPTIONS.iter().any(|(is, _)| is(file));
        if !file.ends_in(".rs") || excepted || lines <= MOST_LINES {
            continue;
        }
        let rule = format!("{lines} lines, more than {MOST_LINES}");
        let remedy = "split it into files of one concept each: `foo.rs` and `foo/`";
        violations.push(Violation::of_file(&file.path, rule, remedy));
    }
    violations
}

#[test]
fn files_are_short() {
    assert_none(&check(&Tree::of_repository().unwrap()));
}

#[test]
fn refuses_a_long_file() {
    let found = |path, lines| check(&Tree::of(&[(path, &"\n".repeat(lines))])).len();
    assert_eq!(found("host/x/src/x.rs", MOST_LINES), 0);
    assert_eq!(found("host/x/src/x.rs", MOST_LINES + 1), 1);
    assert_eq!(found("host/x/tests/x.rs", MOST_LINES + 1), 0);
}
