//! Puts the standard modules into the library.
//!
//! They are the finished files `<name>.wasm` of every folder under `modules/`, looked for where
//! `cargo xtask guests` leaves them, or in the directory that `CELLHOST_BUILTIN` names. One that
//! has not been built yet is left out: the library then has no such module and says so.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("..");
    let built = env::var_os("CELLHOST_BUILTIN").map_or_else(
        || root.join("target").join("guests"),
        |path| root.join(PathBuf::from(path)),
    );
    println!("cargo::rerun-if-env-changed=CELLHOST_BUILTIN");
    println!("cargo::rerun-if-changed={}", root.join("modules").display());
    let mut text = String::from("&[\n");
    for name in modules(&root.join("modules"))? {
        let file = built.join(format!("{name}.wasm"));
        println!("cargo::rerun-if-changed={}", file.display());
        if file.is_file() {
            let file = fs::canonicalize(&file)?.display().to_string();
            writeln!(text, "    ({name:?}, include_bytes!({file:?})),")?;
        }
    }
    text.push(']');
    fs::write(Path::new(&env::var("OUT_DIR")?).join("builtin.rs"), text)?;
    Ok(())
}

/// The names of the folders that hold a module, sorted.
fn modules(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if let (true, Some(name)) = (path.join("module.toml").is_file(), path.file_name()) {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}
