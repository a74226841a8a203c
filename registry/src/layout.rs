//! Modules as a directory in the form of the OCI, which travels where no network does.

use std::collections::BTreeMap;
use std::path::Path;

use cellhost_artifact::{self as artifact, MANIFEST, Pin, Unfit};
use serde_json::json;

use crate::cache::{Cache, CacheError, Place};
use crate::whole;

/// Why modules cannot be written into a directory.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// One of them was not fetched, or is damaged.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// One of them is not there any more.
    #[error("`{digest}` was fetched and is gone")]
    Gone {
        /// Its hash.
        digest: String,
    },
    /// One of them is none.
    #[error("`{digest}` is no module")]
    Unfit {
        /// The hash of its manifest.
        digest: String,
        /// What is wrong with it.
        source: Unfit,
    },
    /// The directory cannot be written.
    #[error(transparent)]
    Files(#[from] std::io::Error),
}

/// Writes an OCI layout with these modules, which were fetched before: each manifest, configuration and
/// module under its hash, and an index that names them.
pub async fn write_layout(cache: &Cache, pins: &[Pin], to: &Path) -> Result<(), LayoutError> {
    let blobs = to.join("blobs/sha256");
    fs_err::create_dir_all(&blobs)?;
    let mut index = BTreeMap::new();
    for pin in pins {
        let manifest = kept(cache, &pin.manifest).await?;
        let parts = artifact::parts(&manifest).map_err(|source| LayoutError::Unfit {
            digest: pin.manifest.clone(),
            source,
        })?;
        for digest in [&parts.config.digest, &parts.layer.digest] {
            write(&blobs, digest, &kept(cache, digest).await?)?;
        }
        write(&blobs, &pin.manifest, &manifest)?;
        let name = format!("{}:{}", pin.registry.repository(&pin.module), pin.version);
        let entry = json!({
            "mediaType": MANIFEST,
            "digest": pin.manifest,
            "size": manifest.len(),
            "annotations": { "org.opencontainers.image.ref.name": name },
        });
        index.insert((name, pin.manifest.clone()), entry);
    }
    let entries: Vec<_> = index.into_values().collect();
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": entries,
    });
    let version = json!({ "imageLayoutVersion": "1.0.0" });
    whole::write(
        &to.join("oci-layout"),
        version.to_string().as_bytes(),
        0o644,
    )?;
    whole::write(&to.join("index.json"), index.to_string().as_bytes(), 0o644)?;
    Ok(())
}

async fn kept(cache: &Cache, digest: &str) -> Result<Vec<u8>, LayoutError> {
    match cache.claim(digest).await? {
        Place::Taken(bytes) => Ok(bytes),
        Place::Vacant(_) => Err(LayoutError::Gone {
            digest: digest.to_owned(),
        }),
    }
}

fn write(blobs: &Path, digest: &str, bytes: &[u8]) -> std::io::Result<()> {
    // A cache gives nothing by another name than a hash.
    let digits = digest.strip_prefix("sha256:").unwrap_or(digest);
    whole::write(&blobs.join(digits), bytes, 0o644)
}
