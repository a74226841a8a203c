use anyhow::{Context, Result};

use super::guest::{Guest, sources};

/// Assembles a guest that is written in WebAssembly's own text form.
pub(super) fn compile(guest: &Guest) -> Result<Vec<u8>> {
    let sources = sources(&guest.folder, "wat")?;
    let source = sources.first().context("there is no file to assemble")?;
    Ok(wat::parse_file(source)?)
}
