//! Files and folders are named for what is in them.

use crate::tree::Tree;
use crate::violation::{Violation, assert_none};

/// Names that say nothing.
const EMPTY: [&str; 7] = [
    "common", "helper", "helpers", "manager", "misc", "util", "utils",
];

fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.files() {
        if file.path == "mod.rs" || file.ends_in("/mod.rs") {
            let rule = "a file is called `mod.rs`";
            let remedy = "call it like its module and put it beside the folder: `foo.rs`, `foo/`";
            violations.push(Violation::of_file(&file.path, rule, remedy));
        }
        let stem = |part: &str| {
            let stem = part.split_once('.').map_or(part, |(stem, _)| stem);
            stem.to_ascii_lowercase()
        };
        let mut stems = file.path.split('/').map(stem);
        if let Some(name) = stems.find(|stem| EMPTY.contains(&stem.as_str())) {
            let rule = format!("the name `{name}` says nothing of what is inside");
            let remedy =
                "name it for the noun that it is about, or put its parts where they belong";
            violations.push(Violation::of_file(&file.path, rule, remedy));
        }
    }
    violations
}

#[test]
fn files_and_folders_have_telling_names() {
    assert_none(&check(&Tree::of_repository().unwrap()));
}

#[test]
fn refuses_names_that_say_nothing() {
    for path in [
        "a/mod.rs",
        "a/utils.rs",
        "helpers/a.rs",
        "a/misc/b.md",
        "Manager.py",
    ] {
        assert_eq!(check(&Tree::of(&[(path, "")])).len(), 1, "{path}");
    }
    for path in ["a/model.rs", "commons/a.rs", "a/file-manager-unit.rs"] {
        assert!(check(&Tree::of(&[(path, "")])).is_empty(), "{path}");
    }
}
