//! Puts a finished module where others find it.

use cellhost_artifact::{self as artifact, Artifact, SecretKey};
use cellhost_manifest::{Embedded, ExtractError, extract, refused_since};
use cellhost_plan::{ModuleId, ModulePlace};
use semver::Version;

use super::client::Client;
use super::{RemoteError, parts, signing};

/// A module that is there by now.
#[derive(Debug, Clone)]
pub struct Published {
    /// Which.
    pub module: ModuleId,
    /// Its version.
    pub version: Version,
    /// Where it is, with the hash of its manifest.
    pub address: String,
    /// Whether exactly this was there before.
    pub was_there: bool,
    /// Whether it is signed by the key that was given, and was not before.
    pub is_signed_now: bool,
}

/// Why a module was not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// It is none.
    #[error("this is no finished module")]
    NotAModule(#[from] ExtractError),
    /// Something else has its version.
    #[error(
        "{address} is there already, and is something else: it has {there}, and this has {ours}"
    )]
    Taken {
        /// Where.
        address: String,
        /// The hash of the module that is there.
        there: String,
        /// That of this one.
        ours: String,
    },
    /// It refuses settings that an earlier version accepts, and its version does not say so.
    #[error("{version} refuses settings that {before} accepts: {}", breaks.join("; "))]
    Breaking {
        /// The version.
        version: Version,
        /// The earlier one.
        before: Version,
        /// Which settings.
        breaks: Vec<String>,
    },
    /// The registry does not take it.
    #[error(transparent)]
    Remote(#[from] RemoteError),
}

impl PublishError {
    /// What may help.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotAModule(_) => {
                Some("make one of a compiled guest and its folder: `cellhost module build`".into())
            }
            Self::Taken { .. } => Some(
                "a version that was published stays what it is; give this one another version"
                    .into(),
            ),
            Self::Breaking { version, .. } => Some(format!(
                "accept them, or call it {}",
                next_breaking(version)
            )),
            Self::Remote(error) => error.hint(),
        }
    }
}

/// Puts a finished module below a place, under its version, and signs it where there is a key, also
/// where it is there already. Never replaces anything; `created` is the time that the artifact says, in
/// seconds since 1970.
pub async fn publish(
    place: &ModulePlace,
    bytes: &[u8],
    created: u64,
    key: Option<&SecretKey>,
) -> Result<Published, PublishError> {
    let embedded = extract(bytes)?;
    let module = embedded.manifest.id().clone();
    let version = embedded.manifest.version.clone();
    let made = Artifact::of(bytes, created)?;
    let client = Client::new(place)?;
    let repository = place.repository(&module);
    let tag = version.to_string();
    let address = format!("{}:{version}", place.address(&module));
    let there = client.manifest(&repository, &tag).await?;
    if let Some(there) = &there {
        let ours = artifact::named(bytes);
        let there = artifact::parts(there)
            .map_or_else(|error| error.to_string(), |parts| parts.layer.digest);
        if there != ours {
            return Err(PublishError::Taken {
                address,
                there,
                ours,
            });
        }
    } else {
        compare(&client, place, &embedded).await?;
        client.push_blob(&repository, &made.config).await?;
        client.push_blob(&repository, bytes).await?;
        client
            .push_manifest(&repository, &tag, &made.manifest)
            .await?;
    }
    let was_there = there.is_some();
    let manifest = artifact::named(&there.unwrap_or(made.manifest));
    let is_signed_now = match key {
        Some(key) => signing::sign(&client, place, &repository, &manifest, key).await?,
        None => false,
    };
    Ok(Published {
        module,
        version,
        address: format!("{address}@{manifest}"),
        was_there,
        is_signed_now,
    })
}

/// Refuses a version that breaks what its number promises to those who have the one before it.
async fn compare(
    client: &Client,
    place: &ModulePlace,
    embedded: &Embedded,
) -> Result<(), PublishError> {
    let module = embedded.manifest.id();
    let repository = place.repository(module);
    let version = &embedded.manifest.version;
    let tags = client.tags(&repository).await?;
    let others = tags.iter().filter_map(|tag| Version::parse(tag).ok());
    let before = others
        .filter(|other| other < version && other.pre.is_empty())
        .max();
    let Some(before) = before.filter(|before| next_breaking(before) > *version) else {
        return Ok(());
    };
    let Some(manifest) = client.manifest(&repository, &before.to_string()).await? else {
        return Ok(());
    };
    let blob = parts(place, module, &before.to_string(), &manifest)?.layer;
    let bytes = client.blob(&repository, &blob).await?;
    let earlier = extract(&bytes)?;
    let anything = serde_json::Value::Bool(true);
    let schemas = [&earlier, embedded].map(|one| one.schema.as_ref().unwrap_or(&anything));
    let breaks = refused_since(schemas[0], schemas[1]);
    if breaks.is_empty() {
        return Ok(());
    }
    Err(PublishError::Breaking {
        version: version.clone(),
        before,
        breaks,
    })
}

/// The first version that may break what this one promises.
fn next_breaking(version: &Version) -> Version {
    match version {
        Version {
            major: 0, minor, ..
        } => Version::new(0, minor + 1, 0),
        Version { major, .. } => Version::new(major + 1, 0, 0),
    }
}
