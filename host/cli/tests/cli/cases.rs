use std::collections::BTreeMap;

use serde::Deserialize;

use crate::scene::{Scene, guests};
use crate::terminal::{Folder, settled, shown};

/// One case: a file of this form, and a terminal beside it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What is typed after `cellhost`; `{guests}` is where the finished guests are.
    arguments: Vec<String>,
    /// Variables beside the usual ones.
    #[serde(default)]
    environment: BTreeMap<String, String>,
    /// Files that are there before, by name.
    #[serde(default)]
    files: BTreeMap<String, String>,
}

#[test]
fn ends_every_case_with_the_terminal_beside_it() -> anyhow::Result<()> {
    let guests = guests();
    let mut folder = Folder::of("cases");
    let mut cases = Vec::new();
    for entry in fs_err::read_dir(folder.path())? {
        let path = entry?.path();
        if path.extension().is_some_and(|own| own == "toml") {
            cases.push(path);
        }
    }
    cases.sort();
    assert!(!cases.is_empty(), "there are no cases");
    for path in cases {
        let case: Case = toml::from_str(&fs_err::read_to_string(&path)?)?;
        let scene = Scene::new()?;
        for (name, text) in &case.files {
            scene.write(name, text)?;
        }
        let place = guests.display().to_string();
        let arguments: Vec<String> = case
            .arguments
            .iter()
            .map(|word| word.replace("{guests}", &place))
            .collect();
        let variables = case.environment.iter();
        let ending = scene.cellhost(
            arguments.iter().map(String::as_str),
            variables.map(|(name, value)| (name.as_str(), value.as_str())),
        )?;
        let words: Vec<&str> = case.arguments.iter().map(String::as_str).collect();
        let terminal = settled(&shown(&words, &ending), &scene, &guests);
        let name = path.file_stem().expect("a case has a name");
        folder.compare(&name.to_string_lossy(), &terminal)?;
    }
    folder.conclude()
}
