//! The standard modules, inside this program.

use std::path::Path;
use std::sync::OnceLock;

use async_trait::async_trait;
use cellhost_manifest::extract;
use cellhost_plan::ModuleId;
use semver::Version;

use crate::shelf::Fetched;
use crate::{Shelf, ShelfError, Stock};

const MODULES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

/// The modules that this program was built with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Builtin;

type Named = (ModuleId, Version, &'static [u8]);

impl Builtin {
    /// What they are, which is read once.
    fn all() -> Result<&'static [Named], ShelfError> {
        static ALL: OnceLock<Vec<Named>> = OnceLock::new();
        if let Some(all) = ALL.get() {
            return Ok(all);
        }
        let mut found = Vec::new();
        for (name, bytes) in MODULES {
            let embedded = extract(bytes).map_err(|source| ShelfError::NotAModule {
                path: Path::new(name).to_owned(),
                source: Box::new(source),
            })?;
            let manifest = embedded.manifest;
            found.push((manifest.id().clone(), manifest.version, *bytes));
        }
        Ok(ALL.get_or_init(|| found))
    }
}

#[async_trait]
impl Shelf for Builtin {
    fn origin(&self) -> String {
        "builtin".to_owned()
    }

    fn modules(&self) -> Result<Vec<ModuleId>, ShelfError> {
        Ok(Self::all()?.iter().map(|(id, ..)| id.clone()).collect())
    }

    async fn stock(&self, module: &ModuleId) -> Result<Stock, ShelfError> {
        let own = Self::all()?.iter().filter(|(id, ..)| id == module);
        let versions: Vec<Version> = own.map(|(_, version, _)| version.clone()).collect();
        Ok(versions.into())
    }

    async fn fetch(
        &self,
        module: &ModuleId,
        version: &Version,
    ) -> Result<Option<Fetched>, ShelfError> {
        let mut all = Self::all()?.iter();
        let found = all.find(|(id, own, _)| id == module && own == version);
        Ok(found.map(|(.., bytes)| Fetched {
            bytes: bytes.to_vec(),
            pin: None,
        }))
    }
}
