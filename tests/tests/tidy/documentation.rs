//! Every crate opens by saying what it is.

use crate::packages::packages;
use crate::tree::Tree;
use crate::violation::{Violation, assert_none};

/// Folders of the libraries that others build on; their first words take a few lines.
const LIBRARIES: [&str; 3] = ["host/", "registry", "sdk/"];

const FEWEST_LINES: usize = 5;

fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for package in packages(tree) {
        let place = |name: &str| format!("{}/src/{name}.rs", package.folder);
        let is_library = LIBRARIES
            .iter()
            .any(|folder| package.folder.starts_with(folder));
        let roots = [
            ("lib", if is_library { FEWEST_LINES } else { 1 }),
            ("main", 1),
        ];
        for (name, wanted) in roots {
            let Some(text) = tree.text(&place(name)) else {
                continue;
            };
            let lines = text
                .lines()
                .take_while(|line| line.starts_with("//!"))
                .count();
            if lines >= wanted {
                continue;
            }
            let rule = format!("it opens with {lines} lines of documentation, fewer than {wanted}");
            let remedy = "begin it with `//!`: what the crate is, its central types, and what it \
                          must not do";
            violations.push(Violation::of_file(&place(name), rule, remedy));
        }
    }
    violations
}

#[test]
fn every_crate_says_what_it_is() {
    assert_none(&check(&Tree::of_repository().unwrap()));
}

#[test]
fn refuses_a_crate_that_says_nothing() {
    let found = |folder: &str, file: &str, text: &str| {
        let manifest = (format!("{folder}/Cargo.toml"), "[package]\nname = \"x\"\n");
        let source = format!("{folder}/src/{file}");
        check(&Tree::of(&[(&manifest.0, manifest.1), (&source, text)])).len()
    };
    assert_eq!(found("host/x", "lib.rs", "mod a;\n"), 1);
    assert_eq!(found("host/x", "lib.rs", "//! Short.\n"), 1);
    assert_eq!(
        found("host/x", "lib.rs", &"//! Long.\n".repeat(FEWEST_LINES)),
        0
    );
    assert_eq!(found("host/x", "main.rs", "fn main() {}\n"), 1);
    assert_eq!(found("modules/x", "lib.rs", "//! Short.\n"), 0);
    assert_eq!(found("modules/x", "lib.rs", "// No.\n"), 1);
}
