//! What fuzzing begins with: seeds of the repository, what was found once, and examples.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Files elsewhere in the repository that are good to begin with: the target, and where they are. A
/// `*` stands for each folder there.
const EXAMPLES: [(&str, &str); 5] = [
    ("plan", "examples/*/plan.toml"),
    ("plan", "host/plan/tests/orders.toml"),
    ("plan", "host/plan/tests/wrong"),
    ("manifest", "modules/*/module.toml"),
    ("manifest", "host/manifest/tests/wrong"),
];

/// Puts everything that a target begins with into an empty directory, as the bytes that it is.
pub(super) fn lay_out(root: &Path, target: &str, to: &Path) -> Result<()> {
    if to.is_dir() {
        fs_err::remove_dir_all(to)?;
    }
    fs_err::create_dir_all(to)?;
    let own = ["findings", "corpus"].map(|folder| root.join("fuzz").join(folder).join(target));
    let mut paths: Vec<PathBuf> = Vec::new();
    for place in own {
        paths.extend(files(&place)?);
    }
    for (_, place) in EXAMPLES.iter().filter(|(name, _)| *name == target) {
        match place.split_once("/*/") {
            Some((folder, name)) => {
                let folders = files(&root.join(folder))?;
                paths.extend(folders.iter().map(|folder| folder.join(name)));
            }
            None => paths.extend(files(&root.join(place))?),
        }
    }
    for (number, path) in paths.iter().filter(|path| path.is_file()).enumerate() {
        fs_err::write(to.join(format!("{number:04}")), bytes(path)?)?;
    }
    Ok(())
}

/// What is in a directory, or the file itself.
fn files(place: &Path) -> Result<Vec<PathBuf>> {
    if !place.is_dir() {
        return Ok(vec![place.to_owned()]);
    }
    let entries = fs_err::read_dir(place)?;
    let paths: std::io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    Ok(paths?)
}

/// The bytes that a file stands for: the repository holds text, so some are in hexadecimal.
fn bytes(path: &Path) -> Result<Vec<u8>> {
    let bytes = fs_err::read(path)?;
    if path.extension().is_none_or(|ending| ending != "hex") {
        return Ok(bytes);
    }
    let digits: String = String::from_utf8(bytes)?.split_whitespace().collect();
    let pair = |at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(pair).collect();
    bytes.with_context(|| format!("`{}` is not hexadecimal", path.display()))
}
