//! Registries that speak the OCI's protocol: GHCR, Harbor, docker-registry, zot and their like.

mod client;
mod credentials;
mod publish;
mod signing;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use cellhost_plan::{ModuleId, ModulePlace};
use semver::{Version, VersionReq};

use crate::artifact::{self, Blob, Unfit};
use crate::cache::{Cache, CacheError, Place};
use crate::shelf::Fetched;
use crate::signature::Signature;
use crate::{Pin, Shelf, ShelfError};
use client::Client;

pub use publish::{PublishError, Published, publish};

/// Hears what is fetched: the module in words, and its size.
pub type Listener = Arc<dyn Fn(&str, u64) + Send + Sync>;

/// Which modules a registry is asked for.
#[derive(Debug, Clone)]
pub enum Scope {
    /// Those of one namespace.
    Namespace(String),
    /// All but those of some namespaces.
    AllBut(BTreeSet<String>),
}

/// The modules of a place in a registry.
pub struct Remote {
    place: ModulePlace,
    scope: Scope,
    cache: Cache,
    is_offline: bool,
    listener: Listener,
    client: OnceLock<Client>,
}

/// Why a registry did not give something.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The network may not be used.
    #[error("`{address}` would have to be asked, and the network is not to be used")]
    Offline {
        /// What would be asked.
        address: String,
    },
    /// It does not answer.
    #[error("`{address}` cannot be reached: {reason}")]
    Unreachable {
        /// The host.
        address: String,
        /// Why not.
        reason: String,
    },
    /// It wants to know who we are, or does not like who we are.
    #[error("`{address}` may not be used{}", if *is_known { "" } else { " by nobody" })]
    Denied {
        /// What.
        address: String,
        /// The host.
        host: String,
        /// Whether we said who we are.
        is_known: bool,
    },
    /// Credentials cannot be had.
    #[error("cannot use the credentials for `{host}`: {reason}")]
    Credentials {
        /// The host.
        host: String,
        /// Why not.
        reason: String,
    },
    /// Something else came than was asked for.
    #[error("`{address}`: {expected} was expected, and {found} came")]
    Swapped {
        /// Where from.
        address: String,
        /// The hash that was asked for.
        expected: String,
        /// The hash of what came.
        found: String,
    },
    /// What is there is no module.
    #[error("`{address}` is no module")]
    Unfit {
        /// Where.
        address: String,
        /// What it is.
        source: Unfit,
    },
    /// It says no, or nonsense.
    #[error("`{address}`: {words}")]
    Refused {
        /// Where.
        address: String,
        /// Its words.
        words: String,
    },
    /// What was fetched before, or is fetched now, cannot be kept.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

impl RemoteError {
    /// What may help.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Denied { host, .. } => Some(format!(
                "log in with `docker login {host}` or `podman login {host}`, or set \
                 CELLHOST_REGISTRY_AUTH=\"{host}=user:password\""
            )),
            Self::Offline { .. } => Some(
                "run once without `--offline`: what is fetched then is kept, and named in \
                 cellhost.lock"
                    .to_owned(),
            ),
            Self::Cache(CacheError::Damaged { path, .. }) => Some(format!(
                "`rm {}`, and it is fetched again; look after the disk",
                path.display()
            )),
            Self::Swapped { .. } | Self::Unfit { .. } => Some(
                "it was not run. Ask whoever keeps that registry; nobody replaces a version that \
                 was published"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

impl Remote {
    /// What is below a place, for modules of this scope. What is fetched is kept in the cache.
    pub fn new(place: ModulePlace, scope: Scope, cache: Cache) -> Self {
        Self {
            place,
            scope,
            cache,
            is_offline: false,
            listener: Arc::new(|_, _| ()),
            client: OnceLock::new(),
        }
    }

    /// The same with nothing but what is in the cache.
    #[must_use]
    pub fn offline(mut self, is_offline: bool) -> Self {
        self.is_offline = is_offline;
        self
    }

    /// The same with somebody who hears what is fetched.
    #[must_use]
    pub fn heard_by(mut self, listener: Listener) -> Self {
        self.listener = listener;
        self
    }

    fn client(&self, module: &ModuleId) -> Result<&Client, RemoteError> {
        if self.is_offline {
            let address = self.place.address(module);
            return Err(RemoteError::Offline { address });
        }
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::new(&self.place)?;
        Ok(self.client.get_or_init(|| client))
    }

    /// A manifest that is known by its hash.
    async fn manifest(&self, module: &ModuleId, digest: &str) -> Result<Vec<u8>, RemoteError> {
        let vacancy = match self.cache.claim(digest).await? {
            Place::Taken(bytes) => return Ok(bytes),
            Place::Vacant(vacancy) => vacancy,
        };
        let repository = self.place.repository(module);
        let found = self.client(module)?.manifest(&repository, digest).await?;
        let bytes = found.ok_or_else(|| RemoteError::Refused {
            address: format!("{}@{digest}", self.place.address(module)),
            words: "it is not there any more".to_owned(),
        })?;
        vacancy.fill(&bytes)?;
        Ok(bytes)
    }

    /// The module that a manifest names.
    async fn held(
        &self,
        module: &ModuleId,
        version: &Version,
        manifest: &[u8],
    ) -> Result<Fetched, RemoteError> {
        let blob = layer(&self.place, module, version, manifest)?;
        let bytes = match self.cache.claim(&blob.digest).await? {
            Place::Taken(bytes) => bytes,
            Place::Vacant(vacancy) => {
                let client = self.client(module)?;
                (self.listener)(
                    &format!("{module} {version} from {}", self.place),
                    blob.size,
                );
                let bytes = client.blob(&self.place.repository(module), &blob).await?;
                vacancy.fill(&bytes)?;
                bytes
            }
        };
        Ok(Fetched {
            pin: Some(Pin {
                module: module.clone(),
                requirement: VersionReq::STAR,
                version: version.clone(),
                registry: self.place.clone(),
                manifest: artifact::named(manifest),
                layer: blob.digest,
                size: bytes.len() as u64,
                signatures: Vec::new(),
            }),
            bytes,
        })
    }
}

/// Finds the module in a manifest that is below a place.
fn layer(
    place: &ModulePlace,
    module: &ModuleId,
    version: &Version,
    manifest: &[u8],
) -> Result<Blob, RemoteError> {
    artifact::layer(manifest).map_err(|source| RemoteError::Unfit {
        address: format!("{}:{version}", place.address(module)),
        source,
    })
}

#[async_trait]
impl Shelf for Remote {
    fn origin(&self) -> String {
        self.place.to_string()
    }

    fn serves(&self, module: &ModuleId) -> bool {
        match &self.scope {
            Scope::Namespace(namespace) => module.namespace() == namespace,
            Scope::AllBut(others) => !others.contains(module.namespace()),
        }
    }

    fn is_remote(&self) -> bool {
        true
    }

    async fn versions(&self, module: &ModuleId) -> Result<Vec<Version>, ShelfError> {
        let tags = self
            .client(module)?
            .tags(&self.place.repository(module))
            .await?;
        // Other tags are for other tools: `latest`, signatures.
        Ok(tags
            .iter()
            .filter_map(|tag| Version::parse(tag).ok())
            .collect())
    }

    async fn fetch(
        &self,
        module: &ModuleId,
        version: &Version,
    ) -> Result<Option<Fetched>, ShelfError> {
        let client = self.client(module)?;
        let repository = self.place.repository(module);
        let tag = version.to_string();
        let Some(manifest) = client.manifest(&repository, &tag).await? else {
            return Ok(None);
        };
        let kept = self.cache.keep(&manifest).await;
        kept.map_err(RemoteError::from)?;
        Ok(Some(self.held(module, version, &manifest).await?))
    }

    async fn signatures(&self, pin: &Pin) -> Result<Vec<Signature>, ShelfError> {
        let client = self.client(&pin.module)?;
        let repository = self.place.repository(&pin.module);
        Ok(signing::find(client, &repository, &pin.manifest).await?)
    }

    fn keeps(&self, pin: &Pin) -> bool {
        pin.registry == self.place
    }

    async fn pinned(&self, pin: &Pin) -> Result<Fetched, ShelfError> {
        let manifest = self.manifest(&pin.module, &pin.manifest).await?;
        let mut found = self.held(&pin.module, &pin.version, &manifest).await?;
        if let Some(now) = &mut found.pin {
            now.signatures.clone_from(&pin.signatures);
        }
        match &found.pin {
            Some(now) if now.layer != pin.layer => Err(RemoteError::Swapped {
                address: format!("{}@{}", self.place.address(&pin.module), pin.manifest),
                expected: pin.layer.clone(),
                found: now.layer.clone(),
            }
            .into()),
            _ => Ok(found),
        }
    }
}
