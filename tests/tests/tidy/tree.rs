//! The files of the repository, or a few made up to try a rule on.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders that hold nothing of the repository's own, where git cannot be asked.
const NOT_OURS: [&str; 4] = [".cache", ".git", "__pycache__", "target"];

/// Files by their path from the root, sorted.
pub(crate) struct Tree {
    files: Vec<File>,
}

/// One file.
pub(crate) struct File {
    /// Its path from the root, with `/`.
    pub(crate) path: String,
    /// What it holds.
    pub(crate) bytes: Vec<u8>,
}

impl File {
    /// Gives its text, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        if self.bytes.contains(&0) {
            return None;
        }
        std::str::from_utf8(&self.bytes).ok()
    }

    /// Tells whether its name ends so, such as in `.rs`.
    pub(crate) fn ends_in(&self, ending: &str) -> bool {
        self.path.ends_with(ending)
    }

    /// Tells whether it lies in a folder of tests: code that never runs in a deployment.
    pub(crate) fn is_test(&self) -> bool {
        self.path.split('/').any(|part| part == "tests")
    }
}

impl Tree {
    /// Reads what git tracks or would track; without git, everything that is there.
    pub(crate) fn of_repository() -> io::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut paths = match tracked(&root) {
            Some(paths) => paths,
            None => found(&root, "")?,
        };
        paths.sort();
        let mut files = Vec::new();
        for path in paths {
            let place = root.join(&path);
            // What was deleted and not yet committed is still listed; links are nobody's content.
            if place.symlink_metadata().is_ok_and(|found| found.is_file()) {
                let bytes = std::fs::read(place)?;
                files.push(File { path, bytes });
            }
        }
        Ok(Self { files })
    }

    /// Makes up a tree.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| File {
            path: (*path).to_owned(),
            bytes: text.as_bytes().to_vec(),
        };
        Self {
            files: files.iter().map(file).collect(),
        }
    }

    /// Gives all files.
    pub(crate) fn files(&self) -> impl Iterator<Item = &File> {
        self.files.iter()
    }

    /// Gives the files that are text, with it.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&File, &str)> {
        self.files().filter_map(|file| Some((file, file.text()?)))
    }

    /// Finds the text of a file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files().find(|file| file.path == path)?.text()
    }
}

fn tracked(root: &Path) -> Option<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others"])
        .arg("--exclude-standard")
        .current_dir(root)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let paths = text.split('\0').filter(|path| !path.is_empty());
    let paths: Vec<String> = paths.map(str::to_owned).collect();
    // A checkout inside another repository that ignores it has no files to list.
    (output.status.success() && !paths.is_empty()).then_some(paths)
}

fn found(root: &Path, folder: &str) -> io::Result<Vec<String>> {
    let mut paths = Vec::new();
    let place: PathBuf = root.join(folder);
    for entry in std::fs::read_dir(place)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = match folder {
            "" => name.clone(),
            folder => format!("{folder}/{name}"),
        };
        if !entry.file_type()?.is_dir() {
            paths.push(path);
        } else if !NOT_OURS.contains(&name.as_str()) {
            paths.extend(found(root, &path)?);
        }
    }
    Ok(paths)
}

#[test]
fn repository_is_found_with_and_without_git() {
    let tree = Tree::of_repository().unwrap();
    assert!(tree.text("Cargo.toml").unwrap().contains("[workspace]"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let walked = found(&root, "").unwrap();
    assert!(walked.iter().any(|path| path == "wit/world.wit"));
    assert!(!walked.iter().any(|path| path.starts_with("target/")));
}
