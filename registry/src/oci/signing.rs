//! Signatures beside an artifact, where cosign looks for them: under a tag that is made of the hash of its
//! manifest, each as a layer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cellhost_artifact::{Beside, SecretKey, Signature};
use cellhost_plan::ModulePlace;

use super::RemoteError;
use super::client::Client;

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
    beside: &Beside,
) -> Result<Vec<Signature>, RemoteError> {
    let mut found = Vec::new();
    for (blob, signature) in beside.signatures() {
        found.push(Signature {
            payload: STANDARD.encode(client.blob(repository, &blob).await?),
            signature: signature.to_owned(),
        });
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
    beside.add(&payload, signature.signature);
    client.push_blob(repository, &payload).await?;
    client.push_blob(repository, &beside.config()).await?;
    let tag = tag(manifest);
    client
        .push_manifest(repository, &tag, &beside.text())
        .await?;
    Ok(true)
}

async fn beside(client: &Client, repository: &str, manifest: &str) -> Result<Beside, RemoteError> {
    let tag = tag(manifest);
    let Some(bytes) = client.manifest(repository, &tag).await? else {
        return Ok(Beside::default());
    };
    Beside::parse(&bytes).map_err(|source| RemoteError::Unfit {
        address: format!("{repository}:{tag}"),
        source,
    })
}

fn tag(manifest: &str) -> String {
    format!("{}.sig", manifest.replace(':', "-"))
}
