//! The standard modules, inside this program.

use std::path::Path;

use cellhost_manifest::extract;
use cellhost_plan::ModuleId;
use semver::Version;

use crate::{Shelf, ShelfError};

const MODULES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

/// The modules that this program was built with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Builtin;

impl Shelf for Builtin {
    fn origin(&self) -> String {
        "builtin".to_owned()
    }

    fn modules(&self) -> Result<Vec<(ModuleId, Vec<Version>)>, ShelfError> {
        MODULES
            .iter()
            .map(|(name, bytes)| {
                let embedded = extract(bytes).map_err(|source| ShelfError::NotAModule {
                    path: Path::new(name).to_owned(),
                    source: Box::new(source),
                })?;
                Ok((
                    embedded.manifest.id().clone(),
                    vec![embedded.manifest.version],
                ))
            })
            .collect()
    }

    fn fetch(&self, module: &ModuleId, version: &Version) -> Result<Option<Vec<u8>>, ShelfError> {
        for ((_, bytes), (id, versions)) in MODULES.iter().zip(self.modules()?) {
            if id == *module && versions.contains(version) {
                return Ok(Some(bytes.to_vec()));
            }
        }
        Ok(None)
    }
}
