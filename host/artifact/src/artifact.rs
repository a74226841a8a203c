//! Modules as OCI artifacts: the CNCF's form for WebAssembly, which other tools read and write too.

use cellhost_manifest::{ExtractError, Interfaces, digest, extract};
use cellhost_plan::is_digest;
use serde::Deserialize;
use serde_json::{Value, json};

/// The type of a manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const LAYER: &str = "application/wasm";
/// What tools wrote before there was a form to keep to.
const OLD_LAYER: &str = "application/vnd.wasm.content.layer.v1+wasm";
/// How many bytes a module has at most.
const LARGEST_MODULE: u64 = 256 << 20;
/// How many bytes a manifest or a configuration has at most.
pub const LARGEST_MANIFEST: u64 = 4 << 20;

/// A module as a registry keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The manifest, as it is written: its hash is what others name it by.
    pub manifest: Vec<u8>,
    /// The configuration, which says what the component is.
    pub config: Vec<u8>,
}

/// A part of an artifact: so many bytes with this hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Its SHA-256, `sha256:` and hexadecimal digits.
    pub digest: String,
    /// Its length.
    pub size: u64,
}

/// Why a manifest is not that of a module.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// It cannot be read.
    #[error("its manifest cannot be understood")]
    Unreadable(#[from] serde_json::Error),
    /// What it names as the module is none.
    #[error("what it holds is no module")]
    Module(#[source] ExtractError),
    /// It is something else.
    #[error("{0}")]
    Other(String),
}

impl Artifact {
    /// Wraps a finished module. The same module gives the same bytes; `created` is the time that it
    /// says, in seconds since 1970.
    pub fn of(module: &[u8], created: u64) -> Result<Self, ExtractError> {
        let about = extract(module)?.manifest;
        let interfaces = Interfaces::of(module)?;
        let layer = named(module);
        let config = json!({
            "created": time(created),
            "architecture": "wasm",
            "os": "wasip2",
            "layerDigests": [layer],
            "component": {
                "exports": interfaces.exports,
                "imports": interfaces.imports,
                "target": Value::Null,
            },
        });
        let config = config.to_string().into_bytes();
        let mut annotations = json!({
            "org.opencontainers.image.title": about.id().to_string(),
            "org.opencontainers.image.version": about.version.to_string(),
        });
        if let Some(annotations) = annotations.as_object_mut() {
            let mut say = |key: &str, text: &str| {
                annotations.insert(format!("org.opencontainers.image.{key}"), text.into());
            };
            if !about.description.is_empty() {
                say("description", &about.description);
            }
            if let Some(license) = &about.license {
                say("licenses", license);
            }
        }
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": { "mediaType": CONFIG, "digest": named(&config), "size": config.len() },
            "layers": [{
                "mediaType": LAYER,
                "digest": layer,
                "size": module.len(),
                "annotations": {
                    "org.opencontainers.image.title": format!("{}.wasm", about.name),
                },
            }],
            "annotations": annotations,
        });
        Ok(Self {
            manifest: manifest.to_string().into_bytes(),
            config,
        })
    }
}

/// What a manifest says that it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The configuration. Nothing is read in it, yet it is part of what was published.
    pub config: Blob,
    /// The module.
    pub layer: Blob,
}

/// Finds the parts of a module in a manifest, whoever wrote that.
pub fn parts(manifest: &[u8]) -> Result<Parts, Unfit> {
    let read: Manifest = serde_json::from_slice(manifest)?;
    if let Some(kind) = read.media_type.filter(|kind| kind != MANIFEST) {
        return Err(Unfit::Other(format!("it is of the type `{kind}`")));
    }
    let [layer] = read.layers.as_slice() else {
        let count = read.layers.len();
        return Err(Unfit::Other(format!(
            "it has {count} layers, and a module has one"
        )));
    };
    if ![LAYER, OLD_LAYER].contains(&layer.media_type.as_str()) {
        let kind = &layer.media_type;
        return Err(Unfit::Other(format!(
            "what it holds is of the type `{kind}`"
        )));
    }
    Ok(Parts {
        config: read.config.blob("configuration", LARGEST_MANIFEST)?,
        layer: layer.blob("module", LARGEST_MODULE)?,
    })
}

/// The name of bytes by their hash.
pub fn named(bytes: &[u8]) -> String {
    format!("sha256:{}", digest(bytes))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    media_type: Option<String>,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
}

impl Descriptor {
    fn blob(&self, what: &str, largest: u64) -> Result<Blob, Unfit> {
        let size = self.size;
        if size > largest {
            return Err(Unfit::Other(format!(
                "its {what} has {size} bytes, and {largest} are the most"
            )));
        }
        if !is_digest(&self.digest) {
            return Err(Unfit::Other(format!("it names its {what} by no SHA-256")));
        }
        Ok(Blob {
            digest: self.digest.clone(),
            size,
        })
    }
}

fn time(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or_default();
    jiff::Timestamp::from_second(seconds)
        .unwrap_or_default()
        .to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn manifest(change: impl FnOnce(&mut Value)) -> Vec<u8> {
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": named(b"{}"), "size": 2 },
            "layers": [{ "mediaType": LAYER, "digest": named(b"module"), "size": 6 }],
        });
        change(&mut manifest);
        manifest.to_string().into_bytes()
    }

    #[test]
    fn reads_what_other_tools_write() {
        let wanted = Blob {
            digest: named(b"module"),
            size: 6,
        };
        assert_eq!(parts(&manifest(|_| ())).unwrap().layer, wanted);
        let old = manifest(|manifest| manifest["layers"][0]["mediaType"] = OLD_LAYER.into());
        assert_eq!(parts(&old).unwrap().layer, wanted);
    }

    #[test]
    fn says_why_something_is_no_module() {
        let refused = |change: fn(&mut Value)| parts(&manifest(change)).unwrap_err().to_string();
        assert_eq!(
            refused(|manifest| manifest["layers"] = json!([])),
            "it has 0 layers, and a module has one"
        );
        assert_eq!(
            refused(|manifest| manifest["layers"][0]["mediaType"] = "text/plain".into()),
            "what it holds is of the type `text/plain`"
        );
        assert_eq!(
            refused(|manifest| manifest["layers"][0]["digest"] = "sha512:ab".into()),
            "it names its module by no SHA-256"
        );
        assert_eq!(
            refused(|manifest| manifest["layers"][0]["size"] = (1_u64 << 40).into()),
            "its module has 1099511627776 bytes, and 268435456 are the most"
        );
        assert_eq!(
            refused(|manifest| manifest["config"]["digest"] = "../x".into()),
            "it names its configuration by no SHA-256"
        );
        assert_eq!(
            refused(
                |manifest| manifest["mediaType"] = "application/vnd.oci.image.index.v1+json".into()
            ),
            "it is of the type `application/vnd.oci.image.index.v1+json`"
        );
    }

    proptest! {
        #[test]
        fn reads_nothing_from_anything(bytes in any::<Vec<u8>>()) {
            prop_assert!(parts(&bytes).is_err());
        }
    }
}
