use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use super::workshop::Workshop;
use crate::step;

/// Builds the modules from a copy of the checkout in another directory, at another depth, and
/// fails where the bytes differ.
pub(super) fn verify(workshop: &Workshop, names: &[String]) -> Result<()> {
    let names = match names {
        [] => super::modules(workshop)?,
        some => some.to_owned(),
    };
    let elsewhere = tempfile::tempdir()?;
    let root = elsewhere.path().join("at/another/depth");
    copy(workshop.root(), &root)?;
    let copy = Workshop::at(&root);
    super::build(&copy, &names)?;
    let mut differing = Vec::new();
    for name in &names {
        let file = format!("{name}.wasm");
        let here = fs_err::read(workshop.shelf().join(&file))?;
        let there = fs_err::read(copy.shelf().join(&file))?;
        if here != there {
            differing.push(name.as_str());
        }
    }
    if !differing.is_empty() {
        bail!("built twice, not the same bytes: {}", differing.join(", "));
    }
    eprintln!("   equal {}", names.join(", "));
    Ok(())
}

/// Copies what git knows or would add.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let listed = step::output(Command::new("git").current_dir(from).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    for name in listed.split_terminator('\0') {
        let source = from.join(name);
        // Listed, and deleted since.
        if !source.is_file() {
            continue;
        }
        let target = to.join(name);
        if let Some(folder) = target.parent() {
            fs_err::create_dir_all(folder)?;
        }
        fs_err::copy(source, target)?;
    }
    Ok(())
}
