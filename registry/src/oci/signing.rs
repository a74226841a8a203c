//! Signatures beside an artifact, where cosign looks for them: under a tag that is made of the hash of its
//! manifest, each as a layer.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cellhost_plan::ModulePlace;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::RemoteError;
use super::client::Client;
use crate::artifact::{Blob, MANIFEST, Unfit, is_digest, named};
use crate::signature::{SecretKey, Signature};

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// How many bytes somebody signs at most.
const LARGEST: u64 = 64 * 1024;
/// How many signatures are looked at.
const MOST: usize = 64;

#[derive(Debug, Default, Deserialize)]
struct Manifest {
    layers: Vec<Layer>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// All signatures of a manifest, whoever made them. Whatever is not understood is left out.
pub(super) async fn find(
    client: &Client,
    repository: &str,
    manifest: &str,
) -> Result<Vec<Signature>, RemoteError> {
    let beside = beside(client, repository, manifest).await?;
    signatures(client, repository, &beside).await
}

async fn signatures(
    client: &Client,
    repository: &str,
    beside: &Manifest,
) -> Result<Vec<Signature>, RemoteError> {
    let mut found = Vec::new();
    for layer in &beside.layers {
        let Some(signature) = layer.annotations.get(SIGNATURE) else {
            continue;
        };
        if layer.media_type != PAYLOAD || layer.size > LARGEST || !is_digest(&layer.digest) {
            continue;
        }
        let blob = Blob {
            digest: layer.digest.clone(),
            size: layer.size,
        };
        found.push(Signature {
            payload: STANDARD.encode(client.blob(repository, &blob).await?),
            signature: signature.clone(),
        });
        if found.len() == MOST {
            break;
        }
    }
    Ok(found)
}

/// Adds a signature to those that are there, unless one by this key is. Says whether one was added.
pub(super) async fn sign(
    client: &Client,
    place: &ModulePlace,
    repository: &str,
    manifest: &str,
    key: &SecretKey,
) -> Result<bool, RemoteError> {
    let public = key.public();
    let is_ours = |signature: &Signature| {
        signature.about().as_deref() == Some(manifest) && public.made(signature)
    };
    let mut beside = beside(client, repository, manifest).await?;
    let there = signatures(client, repository, &beside).await?;
    if there.iter().any(is_ours) {
        return Ok(false);
    }
    let signature = key.sign(&format!("{}/{repository}", place.host), manifest);
    let payload = STANDARD.decode(&signature.payload).unwrap_or_default();
    beside.layers.push(Layer {
        media_type: PAYLOAD.to_owned(),
        digest: named(&payload),
        size: payload.len() as u64,
        annotations: [(SIGNATURE.to_owned(), signature.signature)].into(),
    });
    let layers: Vec<&String> = beside.layers.iter().map(|layer| &layer.digest).collect();
    let config = json!({
        "architecture": "",
        "os": "",
        "config": {},
        "rootfs": { "type": "layers", "diff_ids": layers },
    });
    let config = config.to_string().into_bytes();
    client.push_blob(repository, &payload).await?;
    client.push_blob(repository, &config).await?;
    let text = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": { "mediaType": CONFIG, "digest": named(&config), "size": config.len() },
        "layers": beside.layers,
    });
    let tag = tag(manifest);
    client
        .push_manifest(repository, &tag, text.to_string().as_bytes())
        .await?;
    Ok(true)
}

async fn beside(
    client: &Client,
    repository: &str,
    manifest: &str,
) -> Result<Manifest, RemoteError> {
    let tag = tag(manifest);
    let Some(bytes) = client.manifest(repository, &tag).await? else {
        return Ok(Manifest::default());
    };
    serde_json::from_slice(&bytes).map_err(|error| RemoteError::Unfit {
        address: format!("{repository}:{tag}"),
        source: Unfit::from(error),
    })
}

fn tag(manifest: &str) -> String {
    format!("{}.sig", manifest.replace(':', "-"))
}
