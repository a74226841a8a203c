//! Crates of others that only one room may name.

use crate::packages::packages;
use crate::tree::Tree;
use crate::violation::{Violation, assert_none};

/// Whether a crate is meant, and the one crate of ours that may use it.
type Reserve = (fn(&str) -> bool, &'static str);

const RESERVED: [Reserve; 4] = [
    (
        |name| name == "wasmtime" || name.starts_with("wasmtime-"),
        "cellhost-runtime",
    ),
    (|name| name.starts_with("openssh"), "cellhost-transport"),
    (|name| name == "oci-client", "cellhost-registry"),
    (|name| name == "object_store", "cellhost-state"),
];

fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for package in packages(tree) {
        for dependency in &package.dependencies {
            let reserved = RESERVED.iter().find(|(is, _)| is(&dependency.name));
            let Some((_, owner)) = reserved.filter(|(_, owner)| *owner != package.name) else {
                continue;
            };
            let rule = format!("only `{owner}` may name `{}`", dependency.name);
            let remedy = format!("ask `{owner}` for what you need; add it there if it is missing");
            violations.push(Violation::of_file(&package.file, rule, remedy));
        }
    }
    violations
}

#[test]
fn crates_of_others_stay_in_their_rooms() {
    assert_none(&check(&Tree::of_repository().unwrap()));
}

#[test]
fn refuses_a_reserved_crate_elsewhere() {
    for name in [
        "wasmtime",
        "wasmtime-wasi",
        "openssh",
        "openssh-mux-client",
        "oci-client",
        "object_store",
    ] {
        let manifest = format!("[package]\nname = \"x\"\n[dev-dependencies]\n{name} = \"1\"\n");
        assert_eq!(
            check(&Tree::of(&[("x/Cargo.toml", &manifest)])).len(),
            1,
            "{name}"
        );
    }
    let manifest = "[package]\nname = \"cellhost-runtime\"\n[dependencies]\nwasmtime = \"1\"\n";
    assert!(check(&Tree::of(&[("x/Cargo.toml", manifest)])).is_empty());
}
