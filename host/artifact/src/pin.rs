use cellhost_plan::{ModuleId, ModulePlace, is_digest};
use semver::{Version, VersionReq};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::signature::Signature;

/// What a requirement came to: these bytes, this year and the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The module.
    #[serde(rename = "name")]
    pub module: ModuleId,
    /// What was asked for.
    pub requirement: VersionReq,
    /// What was found.
    pub version: Version,
    /// Where.
    pub registry: ModulePlace,
    /// The hash of its manifest, which signatures are about.
    #[serde(deserialize_with = "hash")]
    pub manifest: String,
    /// The hash of its bytes.
    #[serde(deserialize_with = "hash")]
    pub layer: String,
    /// How many there are.
    pub size: u64,
    /// What it imports and asks for, in words, so that a change of the lock shows when it is more. What
    /// counts is what stands in the module.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<String>,
    /// Who vouched for it. They are verified each time, by the keys that the plan trusts then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Signature>,
}

/// Reads a hash: it becomes the name of a file in the cache.
fn hash<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    if is_digest(&text) {
        return Ok(text);
    }
    let shown = text.escape_debug();
    Err(D::Error::custom(format!("`{shown}` is no SHA-256")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::named;

    #[test]
    fn reads_no_hash_that_could_name_another_file() {
        let read = |manifest: &str| {
            let pin = serde_json::json!({
                "name": "acme:cache",
                "requirement": "^1",
                "version": "1.0.0",
                "registry": "oci://ghcr.io/acme",
                "manifest": manifest,
                "layer": named(b"module"),
                "size": 6,
            });
            serde_json::from_value::<Pin>(pin)
        };
        assert!(read(&named(b"manifest")).is_ok());
        for manifest in ["", "sha256:", "sha256:../../x", "/etc/x", "sha512:ab"] {
            let told = read(manifest).unwrap_err().to_string();
            assert!(told.contains("is no SHA-256"), "{told}");
        }
    }
}
