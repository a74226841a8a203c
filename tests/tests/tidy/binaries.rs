//! The repository holds what people wrote; what machines made of it is built.

use crate::tree::{File, Tree};
use crate::violation::{Violation, assert_none};

/// Endings of what is built, whatever is inside.
const BUILT: [&str; 10] = [
    ".a", ".class", ".dylib", ".exe", ".jar", ".o", ".pyc", ".rlib", ".so", ".wasm",
];

fn check(tree: &Tree) -> Vec<Violation> {
    let is_binary =
        |file: &&File| file.text().is_none() || BUILT.iter().any(|ending| file.ends_in(ending));
    let binaries = tree.files().filter(is_binary);
    binaries
        .map(|file| {
            let rule = "a binary file, which nobody can review";
            let remedy = "build it where it is needed, and let .gitignore name it";
            Violation::of_file(&file.path, rule, remedy)
        })
        .collect()
}

#[test]
fn repository_is_text() {
    assert_none(&check(&Tree::of_repository().unwrap()));
}

#[test]
fn refuses_what_is_no_text() {
    let found = |path, text| check(&Tree::of(&[(path, text)])).len();
    assert_eq!(found("modules/a.wasm", ""), 1);
    assert_eq!(found("docs/picture", "\u{89}PNG\0"), 1);
    assert_eq!(found("modules/a.wat", "(module)"), 0);
}
