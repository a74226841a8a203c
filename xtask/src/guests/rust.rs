use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::guest::{self, Language};
use super::toolchain::{TARGET, Toolchain};
use super::workshop::Workshop;
use crate::step;

const PROFILE: &str = "guest";
const LINKER: &str = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER";

/// Compiles all guests in Rust at once and returns where each core module lies, by name.
///
/// Always all of them: what they share is then built once, and in the same way each time.
pub(super) fn compile(workshop: &Workshop) -> Result<BTreeMap<String, PathBuf>> {
    let toolchain = Toolchain::choose(workshop)?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(workshop.root())
        .args(["build", "--profile", PROFILE, "--target", TARGET])
        .arg("--message-format=json-render-diagnostics")
        .env("CARGO_TARGET_DIR", workshop.bench())
        .env("CARGO_ENCODED_RUSTFLAGS", flags(workshop, &toolchain)?);
    if let Toolchain::Sources { rustc, linker } = &toolchain {
        cargo
            .arg("-Zbuild-std=std,panic_abort")
            // `-Z` is for nightly compilers, or for whoever says that it knows.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTC", rustc)
            .env(LINKER, linker);
    }
    for guest in guest::all(workshop)? {
        if guest.language == Language::Rust {
            cargo.arg("--package").arg(&guest.name);
        }
    }
    Ok(artifacts(&step::output(&mut cargo)?))
}

/// Keeps this computer's paths out of what is compiled: the same source gives the same bytes.
fn flags(workshop: &Workshop, toolchain: &Toolchain) -> Result<String> {
    let cargo_home = match env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => Path::new(&env::var_os("HOME").context("there is no HOME")?).join(".cargo"),
    };
    let sysroot = toolchain.sysroot(workshop)?;
    let flags = [
        format!("--remap-path-prefix={}=/guest", workshop.root().display()),
        format!("--remap-path-prefix={}=/cargo", cargo_home.display()),
        format!("--remap-path-prefix={sysroot}=/rustc"),
    ];
    Ok(flags.join("\u{1f}"))
}

/// Reads cargo's messages: which package left which file.
fn artifacts(messages: &str) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for message in messages.lines() {
        let Ok(message) = serde_json::from_str::<Value>(message) else {
            continue;
        };
        let folder = message
            .get("manifest_path")
            .and_then(Value::as_str)
            .and_then(|manifest| Path::new(manifest).parent()?.file_name());
        let file = message
            .get("filenames")
            .and_then(Value::as_array)
            .and_then(|files| {
                let mut files = files.iter().filter_map(Value::as_str);
                files.find(|file| Path::new(file).extension().is_some_and(|end| end == "wasm"))
            });
        if let (Some(folder), Some(file)) = (folder, file) {
            found.insert(folder.to_string_lossy().into_owned(), file.into());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_core_module_that_a_package_left_by_its_folder() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","manifest_path":"/x/sdk/rust/Cargo.toml","filenames":["/t/libsdk.rlib"]}"#,
            "\n",
            r#"{"reason":"compiler-artifact","manifest_path":"/x/modules/redis-cluster/Cargo.toml","filenames":["/t/redis_cluster.wasm","/t/libredis_cluster.rlib"]}"#,
            "\nno message\n",
        );
        let found = artifacts(messages);
        let expected =
            BTreeMap::from([("redis-cluster".to_owned(), "/t/redis_cluster.wasm".into())]);
        assert_eq!(found, expected);
    }
}
