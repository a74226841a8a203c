//! Modules to publish: the greeting, under other names and versions.

use anyhow::Result;
use cellhost_manifest::{Embedded, embed, extract};
use cellhost_system_tests::guest;

/// The greeting as `acme:greeting` in this version.
pub(crate) fn greeting(version: &str) -> Result<Vec<u8>> {
    changed(version, |_| ())
}

/// The same with something else changed.
pub(crate) fn changed(version: &str, change: impl FnOnce(&mut Embedded)) -> Result<Vec<u8>> {
    let bytes = fs_err::read(guest("greeting-rust")?)?;
    let mut embedded = extract(&bytes)?;
    "acme".clone_into(&mut embedded.manifest.namespace);
    "greeting".clone_into(&mut embedded.manifest.name);
    embedded.manifest.version = version.parse()?;
    change(&mut embedded);
    Ok(embed(&bytes, &embedded)?)
}
