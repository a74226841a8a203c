//! Puts the standard modules into the library.
//!
//! They are the finished files `<name>.wasm` of every folder under `modules/`, looked for where
//! `cargo xtask guests` leaves them, or in the directory that `CELLHOST_BUILTIN` names. One that
//! has not been built yet is left out: the library then has no such module and says so.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-env-changed=CELLHOST_BUILTIN");
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap()).join("..");
    let built = env::var_os("CELLHOST_BUILTIN").map_or_else(|| target(&root), PathBuf::from);
    println!("cargo::rerun-if-changed={}", root.join("modules").display());
    let mut names: Vec<String> = fs::read_dir(root.join("modules"))
        .unwrap()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            path.join("module.toml").is_file().then(|| path.file_name().map(|name| name.to_string_lossy().into_owned()))?
        })
        .collect();
    names.sort();
    let mut text = String::from("&[\n");
    for name in names {
        let file = built.join(format!("{name}.wasm"));
        println!("cargo::rerun-if-changed={}", file.display());
        if file.is_file() {
            let file = fs::canonicalize(&file).unwrap();
            writeln!(text, "    (\"{name}\", include_bytes!({:?})),", file.display().to_string()).unwrap();
        }
    }
    text.push(']');
    fs::write(Path::new(&env::var("OUT_DIR").unwrap()).join("builtin.rs"), text).unwrap();
}

/// Where the guests of this checkout are built: beside the host's own build.
fn target(root: &Path) -> PathBuf {
    root.join("target").join("guests")
}
