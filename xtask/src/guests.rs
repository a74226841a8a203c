//! `cargo xtask guests`: modules and test guests, from source to finished module files.

mod c;
mod guest;
mod key;
mod python;
mod reproducible;
mod rust;
mod shelf;
mod text;
mod toolchain;
mod tools;
mod workshop;

use std::time::Instant;

use anyhow::{Result, bail};

use guest::{Guest, Language};
use shelf::Shelf;
pub(crate) use workshop::Workshop;

/// What `cargo xtask guests` is told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only these; all of them where none is named.
    names: Vec<String>,
    /// Builds the modules a second time in another directory and compares the bytes.
    #[arg(long)]
    verify_reproducible: bool,
}

/// Builds what has changed since it was last built.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let workshop = Workshop::here()?;
    build(&workshop, &arguments.names)?;
    if arguments.verify_reproducible {
        reproducible::verify(&workshop, &arguments.names)?;
    }
    Ok(())
}

/// Builds the modules a second time in another directory and compares the bytes.
pub(crate) fn verify(workshop: &Workshop) -> Result<()> {
    reproducible::verify(workshop, &[])
}

/// Returns the names of the modules, without the test guests.
pub(crate) fn modules(workshop: &Workshop) -> Result<Vec<String>> {
    let folder = workshop.root().join("modules");
    let guests = guest::all(workshop)?;
    let modules = guests
        .into_iter()
        .filter(|guest| guest.folder.starts_with(&folder));
    Ok(modules.map(|guest| guest.name).collect())
}

/// Builds the named guests of a workshop, or all of them, unless they are as they were.
pub(crate) fn build(workshop: &Workshop, names: &[String]) -> Result<()> {
    let guests = select(workshop, names)?;
    // Held until the end: whoever comes second finds everything done.
    let shelf = Shelf::open(workshop)?;
    let mut stale = Vec::new();
    for guest in guests {
        let key = key::of(workshop, &guest)?;
        if shelf.holds(&guest, &key) {
            eprintln!("  reused {}", guest.name);
        } else {
            stale.push((guest, key));
        }
    }
    let (rust, others): (Vec<_>, Vec<_>) = stale
        .into_iter()
        .partition(|(guest, _)| guest.language == Language::Rust);
    if !rust.is_empty() {
        let compiled = rust::compile(workshop)?;
        for (guest, key) in rust {
            let Some(core) = compiled.get(&guest.name) else {
                bail!("cargo built no `{}`", guest.name);
            };
            shelf.put(&guest, &key, &fs_err::read(core)?)?;
        }
    }
    for (guest, key) in others {
        let started = Instant::now();
        let bytes = match guest.language {
            Language::C => c::compile(workshop, &guest)?,
            Language::Python => python::compile(workshop, &guest)?,
            Language::Text => text::compile(&guest)?,
            Language::Rust => continue,
        };
        eprintln!("compiled {} in {:.1?}", guest.name, started.elapsed());
        shelf.put(&guest, &key, &bytes)?;
    }
    Ok(())
}

fn select(workshop: &Workshop, names: &[String]) -> Result<Vec<Guest>> {
    let mut guests = guest::all(workshop)?;
    if let Some(unknown) = names
        .iter()
        .find(|name| guests.iter().all(|guest| &guest.name != *name))
    {
        bail!("there is no guest `{unknown}`");
    }
    if !names.is_empty() {
        guests.retain(|guest| names.contains(&guest.name));
    }
    Ok(guests)
}
