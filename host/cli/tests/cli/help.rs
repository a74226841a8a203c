use crate::scene::Scene;
use crate::terminal::{Folder, shown};

/// The subcommands that a help lists, without `help` itself.
fn subcommands(help: &str) -> Vec<String> {
    let listed = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty());
    listed
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn helps_with_every_subcommand() -> anyhow::Result<()> {
    let scene = Scene::new()?;
    let mut folder = Folder::of("help");
    let mut left: Vec<Vec<String>> = vec![Vec::new()];
    let mut count = 0;
    while let Some(path) = left.pop() {
        let mut words: Vec<&str> = path.iter().map(String::as_str).collect();
        words.push("--help");
        let ending = scene.cellhost(words.iter().copied(), [])?;
        let name = [&["cellhost".to_owned()], path.as_slice()]
            .concat()
            .join("-");
        folder.compare(&name, &shown(&words, &ending))?;
        count += 1;
        for name in subcommands(&ending.stdout) {
            left.push([path.clone(), vec![name]].concat());
        }
    }
    assert!(count > 5, "only {count} helps were found");
    folder.conclude()
}
