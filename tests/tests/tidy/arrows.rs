//! Which crate of ours may use which. No arrow runs upward.

use crate::packages::{Package, packages};
use crate::tree::Tree;
use crate::violation::{Violation, assert_none};

const PLAN: &str = "cellhost-plan";
const MANIFEST: &str = "cellhost-manifest";
const TRANSPORT: &str = "cellhost-transport";
const PACKER: &str = "cellhost-packer";
const EFFECTS: &str = "cellhost-effects";
const STATE: &str = "cellhost-state";
const RUNTIME: &str = "cellhost-runtime";
const REGISTRY: &str = "cellhost-registry";
const ENGINE: &str = "cellhost-engine";
const ARTIFACT: &str = "cellhost-artifact";
const LOCK: &str = "cellhost-lock";
const LAB: &str = "cellhost-lab";
const HOSTILE: &str = "cellhost-hostile";
const SDK: &str = "cellhost-sdk";

/// Every library of the host.
const HOST: &[&str] = &[
    PLAN, MANIFEST, TRANSPORT, PACKER, EFFECTS, STATE, RUNTIME, ARTIFACT, REGISTRY, LOCK, ENGINE,
    LAB,
];

/// Each crate and what it may use. Nobody may use `cellhost`, those with tests or `xtask`.
const ARROWS: &[(&str, &[&str])] = &[
    (PLAN, &[]),
    (MANIFEST, &[PLAN]),
    (TRANSPORT, &[PLAN]),
    (PACKER, &[MANIFEST, PLAN]),
    (EFFECTS, &[TRANSPORT, MANIFEST, PLAN]),
    (STATE, &[EFFECTS, MANIFEST, PLAN]),
    (RUNTIME, &[EFFECTS, MANIFEST, TRANSPORT, PLAN]),
    (ARTIFACT, &[MANIFEST, PLAN]),
    (REGISTRY, &[ARTIFACT, MANIFEST, PLAN]),
    (LOCK, &[ARTIFACT, PLAN]),
    (
        ENGINE,
        &[RUNTIME, LOCK, REGISTRY, MANIFEST, EFFECTS, TRANSPORT, PLAN],
    ),
    (LAB, &[TRANSPORT, PLAN]),
    (SDK, &[]),
    ("cellhost", HOST),
    ("cellhost-tests", HOST),
    ("cellhost-system-tests", HOST),
    ("cellhost-simulation", HOST),
    ("cellhost-hostile", HOST),
    ("cellhost-fuzz", &[HOSTILE]),
    ("xtask", &[PACKER, MANIFEST, PLAN, LAB]),
];

/// What tests of any crate of the host may use beside: they make modules and machines.
const TOOLS_OF_TESTS: &[&str] = &[PACKER, LAB];

/// Folders whose crates are guests: they know the contract and nothing of the host.
const GUESTS: [&str; 2] = ["modules/", "tests/guests/"];

fn check(tree: &Tree) -> Vec<Violation> {
    let packages = packages(tree);
    let own: Vec<&str> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    packages
        .iter()
        .flat_map(|package| check_package(package, &own))
        .collect()
}

fn check_package(package: &Package, own: &[&str]) -> Vec<Violation> {
    let is_guest = GUESTS
        .iter()
        .any(|folder| package.folder.starts_with(folder));
    let allowed = ARROWS.iter().find(|(name, _)| *name == package.name);
    let allowed: &[&str] = match allowed {
        _ if is_guest => &[SDK],
        Some((_, allowed)) => allowed,
        None => {
            let rule = format!("no rule says what `{}` may use", package.name);
            let remedy = "give it a line in ARROWS in tests/tests/tidy/arrows.rs";
            return vec![Violation::of_file(&package.file, rule, remedy)];
        }
    };
    let wrong = package.dependencies.iter().filter(|dependency| {
        let name = dependency.name.as_str();
        let tool = dependency.for_tests && !is_guest && TOOLS_OF_TESTS.contains(&name);
        own.contains(&name) && !allowed.contains(&name) && !tool
    });
    wrong
        .map(|dependency| {
            let rule = format!("`{}` may not use `{}`", package.name, dependency.name);
            let remedy = match allowed {
                [] => "it uses no crate of ours; move what needs one to a crate above".to_owned(),
                allowed => format!("it may use {}", allowed.join(", ")),
            };
            Violation::of_file(&package.file, rule, remedy)
        })
        .collect()
}

#[test]
fn arrows_of_the_repository_run_downward() {
    assert_none(&check(&Tree::of_repository().unwrap()));
}

/// Finds what is wrong where one crate uses another.
#[cfg(test)]
fn found(folder: &str, name: &str, dependencies: &str) -> usize {
    let manifest = format!("[package]\nname = \"{name}\"\n{dependencies}\n");
    let runtime = "[package]\nname = \"cellhost-runtime\"\n";
    let tree = Tree::of(&[
        (&format!("{folder}/Cargo.toml"), &manifest),
        ("host/runtime/Cargo.toml", runtime),
        ("host/cli/Cargo.toml", "[package]\nname = \"cellhost\"\n"),
        (
            "host/packer/Cargo.toml",
            "[package]\nname = \"cellhost-packer\"\n",
        ),
        (
            "sdk/rust/Cargo.toml",
            "[package]\nname = \"cellhost-sdk\"\n",
        ),
    ]);
    check(&tree).len()
}

#[test]
fn refuses_an_arrow_upward() {
    let runtime = "[dependencies]\ncellhost-runtime.workspace = true";
    assert_eq!(found("host/engine", "cellhost-engine", runtime), 0);
    assert_eq!(found("host/effects", "cellhost-effects", runtime), 1);
    assert_eq!(found("sdk/x", "cellhost-sdk", runtime), 1);
    let hidden =
        "[target.'cfg(unix)'.dependencies]\nr = { package = \"cellhost-runtime\", path = \"x\" }";
    assert_eq!(found("host/effects", "cellhost-effects", hidden), 1);
}

#[test]
fn refuses_whoever_uses_the_program() {
    let program = "[dev-dependencies]\ncellhost = { path = \"../cli\" }";
    assert_eq!(found("tests", "cellhost-tests", program), 1);
}

#[test]
fn refuses_a_guest_that_knows_the_host() {
    let runtime = "[dev-dependencies]\ncellhost-packer.workspace = true";
    assert_eq!(found("modules/galera", "galera", runtime), 1);
    let sdk = "[dependencies]\ncellhost-sdk.workspace = true";
    assert_eq!(found("modules/galera", "galera", sdk), 0);
}

#[test]
fn lets_only_tests_use_the_tools_of_tests() {
    let section = |section: &str| format!("[{section}]\ncellhost-packer.workspace = true");
    let runtime = |section: &str| found("host/engine", "cellhost-engine", section);
    assert_eq!(runtime(&section("dev-dependencies")), 0);
    assert_eq!(runtime(&section("dependencies")), 1);
}

#[test]
fn refuses_a_crate_without_a_rule() {
    assert_eq!(found("host/new", "cellhost-new", ""), 1);
}
