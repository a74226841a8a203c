//! Where modules are kept.

use std::collections::BTreeSet;
use std::path::PathBuf;

use async_trait::async_trait;
use cellhost_artifact::{Pin, Signature};
use cellhost_manifest::ExtractError;
use cellhost_plan::ModuleId;
use semver::Version;

use crate::oci::RemoteError;

/// A module that a shelf gave.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// How the same bytes are found again, where they come from a registry. What was required is
    /// for whoever asked to say.
    pub pin: Option<Pin>,
}

/// The versions of a module in one place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stock {
    /// All of them.
    pub versions: Vec<Version>,
    /// Those that whoever published them wants nobody to take any more.
    pub yanked: BTreeSet<Version>,
}

impl From<Vec<Version>> for Stock {
    fn from(versions: Vec<Version>) -> Self {
        Self {
            versions,
            yanked: BTreeSet::new(),
        }
    }
}

/// Keeps modules in versions.
#[async_trait]
pub trait Shelf: Send + Sync {
    /// Where it is, in words for a person, such as `builtin`.
    fn origin(&self) -> String;

    /// Whether it is to be asked for this module at all.
    fn serves(&self, _module: &ModuleId) -> bool {
        true
    }

    /// Whether it is somewhere else, where nobody sees what it has.
    fn is_remote(&self) -> bool {
        false
    }

    /// The modules that it has, as far as it can tell without being asked for one.
    fn modules(&self) -> Result<Vec<ModuleId>, ShelfError> {
        Ok(Vec::new())
    }

    /// The versions of a module that it has.
    async fn stock(&self, module: &ModuleId) -> Result<Stock, ShelfError>;

    /// Why a version was yanked, as far as that was said.
    async fn reason(
        &self,
        _module: &ModuleId,
        _version: &Version,
    ) -> Result<Option<String>, ShelfError> {
        Ok(None)
    }

    /// What lies there and is no module, by the name that it would have, with the reason.
    fn rejects(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// One version, or none where it does not have it.
    async fn fetch(
        &self,
        module: &ModuleId,
        version: &Version,
    ) -> Result<Option<Fetched>, ShelfError>;

    /// Who vouches for what a pin names, as far as it knows.
    async fn signatures(&self, _pin: &Pin) -> Result<Vec<Signature>, ShelfError> {
        Ok(Vec::new())
    }

    /// Whether a pin is of this shelf.
    fn keeps(&self, _pin: &Pin) -> bool {
        false
    }

    /// The bytes of a pin, and no others.
    async fn pinned(&self, pin: &Pin) -> Result<Fetched, ShelfError> {
        let address = pin.registry.address(&pin.module);
        Err(RemoteError::Offline { address }.into())
    }
}

/// Why a shelf cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// Its directory or one of its files cannot be read.
    #[error("cannot read the modules of {origin}")]
    Unreadable {
        /// Where.
        origin: String,
        /// Why not; names the file.
        source: std::io::Error,
    },
    /// One of its files is no module.
    #[error("`{path}` is no module")]
    NotAModule {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<ExtractError>,
    },
    /// A registry does not give it.
    #[error(transparent)]
    Remote(#[from] RemoteError),
}
