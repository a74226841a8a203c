use cellhost_artifact::Pin;
use cellhost_manifest::{digest, extract};
use cellhost_plan::ModuleId;
use semver::{Version, VersionReq};

use crate::{Fetched, Shelf, ShelfError, TrustError};

/// A module in one version, with its bytes.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The module.
    pub module: ModuleId,
    /// The version.
    pub version: Version,
    /// Where it came from, in words.
    pub origin: String,
    /// The SHA-256 of the bytes, in hexadecimal.
    pub digest: String,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// How they are found again, where they come from a registry.
    pub pin: Option<Pin>,
    /// Why nobody should take it any more, where it was taken by its name and that was said.
    pub yanked: Option<String>,
}

/// Why there is no such module.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// No shelf has a module of this name.
    #[error("there is no module `{module}`")]
    Unknown {
        /// The name asked for.
        module: ModuleId,
        /// What to do about it.
        hint: String,
    },
    /// No version that there is will do.
    #[error("no version of module `{module}` matches `{requirement}`")]
    NoVersion {
        /// The name asked for.
        module: ModuleId,
        /// The requirement.
        requirement: VersionReq,
        /// The versions that there are, highest first, with where they are.
        found: String,
    },
    /// A shelf gave other bytes than it promised.
    #[error("{origin} gave `{found}` for module `{module}`{}", version.as_ref().map(|version| format!(" {version}")).unwrap_or_default())]
    Swapped {
        /// The shelf.
        origin: String,
        /// The name asked for.
        module: ModuleId,
        /// The version asked for, where one was.
        version: Option<Version>,
        /// What the bytes say they are.
        found: String,
    },
    /// The plan does not take it.
    #[error("the plan takes no `{module}` {version}{}", reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    Denied {
        /// The module.
        module: ModuleId,
        /// The version.
        version: Version,
        /// Why not.
        reason: Option<String>,
    },
    /// Nobody who is trusted vouches for it.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A shelf cannot be used.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
}

impl Resolved {
    /// Compares what a shelf gave with what it promised.
    pub(crate) fn checked(
        shelf: &dyn Shelf,
        module: &ModuleId,
        version: Option<&Version>,
        requirement: &VersionReq,
        fetched: Fetched,
    ) -> Result<Self, ResolveError> {
        let found = match extract(&fetched.bytes) {
            Ok(inside)
                if inside.manifest.id() == module
                    && version.is_none_or(|version| inside.manifest.version == *version) =>
            {
                return Ok(Self {
                    module: module.clone(),
                    version: inside.manifest.version,
                    origin: shelf.origin(),
                    digest: digest(&fetched.bytes),
                    bytes: fetched.bytes,
                    pin: fetched.pin.map(|pin| Pin {
                        requirement: requirement.clone(),
                        ..pin
                    }),
                    yanked: None,
                });
            }
            Ok(other) => format!("{} {}", other.manifest.id(), other.manifest.version),
            Err(error) => error.to_string(),
        };
        Err(ResolveError::Swapped {
            origin: shelf.origin(),
            module: module.clone(),
            version: version.cloned(),
            found,
        })
    }
}
