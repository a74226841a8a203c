//! What was found once, and what fuzzing begins with, is withstood.

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use cellhost_hostile::TARGETS;

/// Reads the files of a directory, if it is there.
fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs_err::read_dir(directory)?;
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    paths.sort();
    Ok(paths)
}

/// Reads the bytes that a file stands for: the repository holds text, so some are in hexadecimal.
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

/// Tries everything in a folder of `fuzz/` on the target that it is for; tells how many files that are.
fn tried(folder: &str) -> Result<usize> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz")
        .join(folder);
    for path in files(&root)? {
        let known = TARGETS.iter().any(|(name, _)| path.ends_with(name));
        ensure!(known, "`{}` is for no target", path.display());
    }
    let mut count = 0;
    for (name, target) in TARGETS {
        for path in files(&root.join(name))? {
            let bytes = bytes(&path)?;
            let withstood = catch_unwind(|| target(&bytes)).is_ok();
            ensure!(
                withstood,
                "`{name}` does not withstand `{}`",
                path.display()
            );
            count += 1;
        }
    }
    Ok(count)
}

#[test]
fn what_was_found_once_is_withstood() -> Result<()> {
    tried("findings").map(drop)
}

#[test]
fn what_fuzzing_begins_with_is_withstood() -> Result<()> {
    let count = tried("corpus")?;
    ensure!(count >= TARGETS.len(), "{count} seeds are too few");
    Ok(())
}

#[test]
fn every_target_can_be_fuzzed() -> Result<()> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/fuzz_targets");
    let found: Vec<PathBuf> = files(&directory)?;
    let names: Vec<&str> = found
        .iter()
        .filter_map(|path| path.file_stem()?.to_str())
        .collect();
    let known: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    ensure!(names == known, "{names:?} and {known:?}");
    Ok(())
}
