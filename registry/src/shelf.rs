//! Where modules are kept.

use std::path::PathBuf;

use cellhost_manifest::ExtractError;
use cellhost_plan::ModuleId;
use semver::Version;

/// Keeps modules in versions.
pub trait Shelf: Send + Sync {
    /// Where it is, in words for a person, such as `builtin`.
    fn origin(&self) -> String;

    /// The modules that it has, each with all its versions.
    fn modules(&self) -> Result<Vec<(ModuleId, Vec<Version>)>, ShelfError>;

    /// What lies there and is no module, by the name that it would have, with the reason.
    fn rejects(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// The bytes of one version, or none where it does not have it.
    fn fetch(&self, module: &ModuleId, version: &Version) -> Result<Option<Vec<u8>>, ShelfError>;
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
}
