use std::path::Path;

use anyhow::{Context, Result};
use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::Resolve;

use super::guest::{Guest, sources};
use super::tools::Tools;
use super::workshop::Workshop;
use crate::step;

const WORLD: &str = "module";

/// Compiles a guest in C with bindings made from the contract.
pub(super) fn compile(workshop: &Workshop, guest: &Guest) -> Result<Vec<u8>> {
    let bench = workshop.bench().join("c").join(&guest.name);
    fs_err::create_dir_all(&bench)?;
    generate(&workshop.root().join("wit"), &bench)?;
    let output = bench.join("guest.wasm");
    let tools = Tools::of(workshop, guest)?;
    step::output(
        tools
            .command("python3")
            .args(["-m", "ziglang", "cc", "-target", "wasm32-wasi"])
            .args(["-mexec-model=reactor", "-Os", "-Wall", "-Wextra"])
            .arg("-I")
            .arg(&bench)
            .args(sources(&guest.folder, "c")?)
            .args(sources(&bench, "c")?)
            .args(sources(&bench, "o")?)
            .arg("-o")
            .arg(&output)
            .env("ZIG_GLOBAL_CACHE_DIR", workshop.tools().join("zig-cache"))
            .env("ZIG_LOCAL_CACHE_DIR", workshop.tools().join("zig-cache")),
    )?;
    Ok(fs_err::read(output)?)
}

/// Writes `module.h`, `module.c` and the object that carries the component's type.
fn generate(contract: &Path, into: &Path) -> Result<()> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(contract)?;
    let world = resolve.select_world(&[package], Some(WORLD))?;
    let mut files = Files::default();
    wit_bindgen_c::Opts::default()
        .build()
        .generate(&mut resolve, world, &mut files)
        .context("cannot make bindings for C")?;
    for (name, bytes) in files.iter() {
        fs_err::write(into.join(name), bytes)?;
    }
    Ok(())
}
