//! Registries that speak the OCI's protocol: GHCR, Harbor, docker-registry, zot and their like.

mod client;
mod credentials;
mod publish;
mod signing;
mod yank;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use cellhost_artifact::{self as artifact, Blob, Parts, Pin, Signature, Unfit};
use cellhost_manifest::extract;
use cellhost_plan::{ModuleId, ModulePlace};
use semver::{Version, VersionReq};

use crate::cache::{Cache, CacheError, Place};
use crate::shelf::Fetched;
use crate::{Shelf, ShelfError, Stock};
use client::Client;

pub use publish::{PublishError, Published, publish};
pub use yank::yank;

/// Hears what is fetched: the module in words, and its size.
pub type Listener = Arc<dyn Fn(&str, u64) + Send + Sync>;

/// Which modules a registry is asked for.
#[derive(Debug, Clone)]
pub enum Scope {
    /// Those of one namespace.
    Namespace(String),
    /// All but those of some namespaces.
    AllBut(BTreeSet<String>),
    /// None that is looked for: only what is asked for by its hash.
    Exact,
}

/// The modules of a place in a registry.
pub struct Remote {
    place: ModulePlace,
    /// Who is asked for what is there.
    asked: ModulePlace,
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
            asked: place.clone(),
            place,
            scope,
            cache,
            is_offline: false,
            listener: Arc::new(|_, _| ()),
            client: OnceLock::new(),
        }
    }

    /// The same by way of a mirror: what it gives is what the place would have given, or is refused.
    #[must_use]
    pub fn by_way_of(mut self, mirror: ModulePlace) -> Self {
        self.asked = mirror;
        self
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
            let address = self.asked.address(module);
            return Err(RemoteError::Offline { address });
        }
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::new(&self.asked)?;
        Ok(self.client.get_or_init(|| client))
    }

    /// A manifest that is known by its hash.
    async fn manifest(&self, module: &ModuleId, digest: &str) -> Result<Vec<u8>, RemoteError> {
        let vacancy = match self.cache.claim(digest).await? {
            Place::Taken(bytes) => return Ok(bytes),
            Place::Vacant(vacancy) => vacancy,
        };
        let repository = self.asked.repository(module);
        let found = self.client(module)?.manifest(&repository, digest).await?;
        let bytes = found.ok_or_else(|| RemoteError::Refused {
            address: format!("{}@{digest}", self.asked.address(module)),
            words: "it is not there any more".to_owned(),
        })?;
        vacancy.fill(&bytes)?;
        Ok(bytes)
    }

    /// A part of an artifact, which is fetched where it was not before.
    async fn part(
        &self,
        module: &ModuleId,
        blob: &Blob,
        told: impl Fn(),
    ) -> Result<Vec<u8>, RemoteError> {
        let vacancy = match self.cache.claim(&blob.digest).await? {
            Place::Taken(bytes) => return Ok(bytes),
            Place::Vacant(vacancy) => vacancy,
        };
        let client = self.client(module)?;
        told();
        let bytes = client.blob(&self.asked.repository(module), blob).await?;
        vacancy.fill(&bytes)?;
        Ok(bytes)
    }

    /// What a manifest is of that is known by its hash alone.
    pub(crate) async fn exact(
        &self,
        module: &ModuleId,
        manifest: &str,
    ) -> Result<Fetched, RemoteError> {
        let bytes = self.manifest(module, manifest).await?;
        self.held(module, manifest, &bytes).await
    }

    /// The module that a manifest names; `name` is what the manifest was asked for by.
    async fn held(
        &self,
        module: &ModuleId,
        name: &str,
        manifest: &[u8],
    ) -> Result<Fetched, RemoteError> {
        let Parts { config, layer } = parts(&self.asked, module, name, manifest)?;
        self.part(module, &config, || ()).await?;
        let told = || {
            (self.listener)(
                &format!("{module} {name} from {}", self.origin()),
                layer.size,
            );
        };
        let bytes = self.part(module, &layer, told).await?;
        let about = extract(&bytes).map_err(|source| RemoteError::Unfit {
            address: address(&self.asked, module, name),
            source: Unfit::Module(source),
        })?;
        Ok(Fetched {
            pin: Some(Pin {
                module: module.clone(),
                requirement: VersionReq::STAR,
                version: about.manifest.version,
                registry: self.place.clone(),
                manifest: artifact::named(manifest),
                layer: layer.digest,
                size: bytes.len() as u64,
                asks: Vec::new(),
                signatures: Vec::new(),
            }),
            bytes,
        })
    }
}

/// Finds the parts of a module in a manifest that is below a place.
fn parts(
    place: &ModulePlace,
    module: &ModuleId,
    name: &str,
    manifest: &[u8],
) -> Result<Parts, RemoteError> {
    artifact::parts(manifest).map_err(|source| RemoteError::Unfit {
        address: address(place, module, name),
        source,
    })
}

/// Where a module is, by its version or its hash.
fn address(place: &ModulePlace, module: &ModuleId, name: &str) -> String {
    let between = if name.contains(':') { '@' } else { ':' };
    format!("{}{between}{name}", place.address(module))
}

#[async_trait]
impl Shelf for Remote {
    fn origin(&self) -> String {
        if self.asked == self.place {
            return self.place.to_string();
        }
        format!("{} by way of {}", self.place, self.asked)
    }

    fn serves(&self, module: &ModuleId) -> bool {
        match &self.scope {
            Scope::Namespace(namespace) => module.namespace() == namespace,
            Scope::AllBut(others) => !others.contains(module.namespace()),
            Scope::Exact => false,
        }
    }

    fn is_remote(&self) -> bool {
        true
    }

    async fn stock(&self, module: &ModuleId) -> Result<Stock, ShelfError> {
        let repository = self.asked.repository(module);
        let tags = self.client(module)?.tags(&repository).await?;
        // Other tags are for other tools: `latest`, signatures.
        let versions = tags.iter().filter_map(|tag| Version::parse(tag).ok());
        Ok(Stock {
            versions: versions.collect(),
            yanked: tags.iter().filter_map(|tag| yank::version(tag)).collect(),
        })
    }

    async fn reason(
        &self,
        module: &ModuleId,
        version: &Version,
    ) -> Result<Option<String>, ShelfError> {
        let repository = self.asked.repository(module);
        Ok(yank::reason(self.client(module)?, &repository, version).await?)
    }

    async fn fetch(
        &self,
        module: &ModuleId,
        version: &Version,
    ) -> Result<Option<Fetched>, ShelfError> {
        let client = self.client(module)?;
        let repository = self.asked.repository(module);
        let tag = version.to_string();
        let Some(manifest) = client.manifest(&repository, &tag).await? else {
            return Ok(None);
        };
        let kept = self.cache.keep(&manifest).await;
        kept.map_err(RemoteError::from)?;
        Ok(Some(self.held(module, &tag, &manifest).await?))
    }

    async fn signatures(&self, pin: &Pin) -> Result<Vec<Signature>, ShelfError> {
        let client = self.client(&pin.module)?;
        let repository = self.asked.repository(&pin.module);
        Ok(signing::find(client, &repository, &pin.manifest).await?)
    }

    fn keeps(&self, pin: &Pin) -> bool {
        pin.registry == self.place
    }

    async fn pinned(&self, pin: &Pin) -> Result<Fetched, ShelfError> {
        let manifest = self.manifest(&pin.module, &pin.manifest).await?;
        let version = pin.version.to_string();
        let mut found = self.held(&pin.module, &version, &manifest).await?;
        if let Some(now) = &mut found.pin {
            now.signatures.clone_from(&pin.signatures);
            now.asks.clone_from(&pin.asks);
        }
        match &found.pin {
            Some(now) if now.layer != pin.layer => Err(RemoteError::Swapped {
                address: format!("{}@{}", self.asked.address(&pin.module), pin.manifest),
                expected: pin.layer.clone(),
                found: now.layer.clone(),
            }
            .into()),
            _ => Ok(found),
        }
    }
}
