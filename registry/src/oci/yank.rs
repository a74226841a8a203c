//! Versions that nobody should take any more, as whoever published them says: a tag beside the version,
//! whose manifest refers to it and says why.

use cellhost_artifact::{MANIFEST, named};
use cellhost_plan::{ModuleId, ModulePlace};
use semver::Version;
use serde_json::{Value, json};

use super::client::Client;
use super::{RemoteError, address};

const TYPE: &str = "application/vnd.cellhost.yank.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const NOTHING: &[u8] = b"{}";
const REASON: &str = "cellhost.yank.reason";
const BEFORE: &str = "yanked-";

/// Says that nobody should take a version any more. It stays where it is, for those who have it. Says
/// whether that was said before, in which case nothing is changed.
pub async fn yank(
    place: &ModulePlace,
    module: &ModuleId,
    version: &Version,
    reason: &str,
) -> Result<bool, RemoteError> {
    let client = Client::new(place)?;
    let repository = place.repository(module);
    let tag = format!("{BEFORE}{version}");
    let number = version.to_string();
    let Some(subject) = client.manifest(&repository, &number).await? else {
        return Err(RemoteError::Refused {
            address: address(place, module, &number),
            words: "there is no such version".to_owned(),
        });
    };
    if client.manifest(&repository, &tag).await?.is_some() {
        return Ok(true);
    }
    let empty = json!({ "mediaType": EMPTY, "digest": named(NOTHING), "size": NOTHING.len() });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": TYPE,
        "config": empty,
        "layers": [empty],
        "subject": { "mediaType": MANIFEST, "digest": named(&subject), "size": subject.len() },
        "annotations": { REASON: reason },
    });
    client.push_blob(&repository, NOTHING).await?;
    client
        .push_manifest(&repository, &tag, manifest.to_string().as_bytes())
        .await?;
    Ok(false)
}

/// The version that a tag says is yanked.
pub(super) fn version(tag: &str) -> Option<Version> {
    Version::parse(tag.strip_prefix(BEFORE)?).ok()
}

/// Why a version was yanked, as far as it was said.
pub(super) async fn reason(
    client: &Client,
    repository: &str,
    version: &Version,
) -> Result<Option<String>, RemoteError> {
    let tag = format!("{BEFORE}{version}");
    let Some(bytes) = client.manifest(repository, &tag).await? else {
        return Ok(None);
    };
    // What another tool made of it says nothing, and is a yank all the same.
    let read: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let reason = read.get("annotations").and_then(|all| all.get(REASON));
    Ok(reason.and_then(Value::as_str).map(str::to_owned))
}
