use anyhow::Result;

use super::guest::Guest;
use super::tools::Tools;
use super::workshop::Workshop;
use crate::step;

const WORLD: &str = "cellhost:module/module@0.1.0";

/// Makes a component of a guest in Python, the interpreter in it.
pub(super) fn compile(workshop: &Workshop, guest: &Guest) -> Result<Vec<u8>> {
    let bench = workshop.bench().join("python");
    fs_err::create_dir_all(&bench)?;
    let output = bench.join(format!("{}.wasm", guest.name));
    let tools = Tools::of(workshop, guest)?;
    step::output(
        tools
            .command("componentize-py")
            .arg("--wit-path")
            .arg(workshop.root().join("wit"))
            .args(["--world", WORLD, "componentize", "app", "--python-path"])
            .arg(&guest.folder)
            .arg("--output")
            .arg(&output),
    )?;
    Ok(fs_err::read(output)?)
}
