//! The crates of the repository and what each depends on, as their `Cargo.toml` say.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::tree::Tree;

/// One crate.
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its folder.
    pub(crate) folder: String,
    /// Its `Cargo.toml`.
    pub(crate) file: String,
    /// What it depends on.
    pub(crate) dependencies: Vec<Dependency>,
}

/// One dependency of a crate.
pub(crate) struct Dependency {
    /// The name of the crate, whatever it is called here.
    pub(crate) name: String,
    /// Whether only tests see it.
    pub(crate) for_tests: bool,
}

/// Reads every crate of a tree. A file that is no TOML is nobody's crate: cargo complains of it.
pub(crate) fn packages(tree: &Tree) -> Vec<Package> {
    let renamed = renamed(tree);
    let manifests = tree.texts().filter_map(|(file, text)| {
        let folder = file.path.strip_suffix("/Cargo.toml")?;
        package(folder, &file.path, &text.parse().ok()?, &renamed)
    });
    manifests.collect()
}

/// The workspace's own names of crates that are called otherwise.
fn renamed(tree: &Tree) -> BTreeMap<String, String> {
    let root: Option<Table> = tree.text("Cargo.toml").and_then(|text| text.parse().ok());
    let dependencies = root
        .as_ref()
        .and_then(|root| root.get("workspace")?.get("dependencies")?.as_table());
    let named = dependencies.into_iter().flatten();
    named
        .filter_map(|(name, value)| Some((name.clone(), given_name(value)?)))
        .collect()
}

fn given_name(value: &Value) -> Option<String> {
    Some(value.get("package")?.as_str()?.to_owned())
}

fn package(
    folder: &str,
    file: &str,
    manifest: &Table,
    renamed: &BTreeMap<String, String>,
) -> Option<Package> {
    let name = manifest.get("package")?.get("name")?.as_str()?.to_owned();
    let targets = manifest.get("target").and_then(Value::as_table);
    let targets = targets.into_iter().flatten();
    let tables = targets
        .filter_map(|(_, target)| target.as_table())
        .chain([manifest]);
    let mut dependencies = Vec::new();
    for table in tables {
        for (section, for_tests) in [
            ("dependencies", false),
            ("build-dependencies", false),
            ("dev-dependencies", true),
        ] {
            let section = table.get(section).and_then(Value::as_table);
            for (key, value) in section.into_iter().flatten() {
                let name = given_name(value).or_else(|| renamed.get(key).cloned());
                dependencies.push(Dependency {
                    name: name.unwrap_or_else(|| key.clone()),
                    for_tests,
                });
            }
        }
    }
    Some(Package {
        name,
        folder: folder.to_owned(),
        file: file.to_owned(),
        dependencies,
    })
}

#[test]
fn sees_through_every_way_to_name_a_dependency() {
    let tree = Tree::of(&[
        (
            "Cargo.toml",
            "[workspace.dependencies]\na = { package = \"real-a\", version = \"1\" }\n",
        ),
        (
            "x/Cargo.toml",
            "[package]\nname = \"x\"\n[dependencies]\na.workspace = true\n\
             [target.'cfg(unix)'.build-dependencies]\nb = { package = \"real-b\", version = \"1\" }\n\
             [dev-dependencies]\nc = \"1\"\n",
        ),
    ]);
    let [package] = packages(&tree).try_into().ok().unwrap();
    let mut found: Vec<_> = package
        .dependencies
        .iter()
        .map(|it| (it.name.as_str(), it.for_tests))
        .collect();
    found.sort_unstable();
    assert_eq!(found, [("c", true), ("real-a", false), ("real-b", false)]);
}
