use std::collections::BTreeMap;

use cellhost_plan::is_digest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::artifact::{Blob, MANIFEST, Unfit, named};

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// How many bytes somebody signs at most.
const LARGEST: u64 = 64 * 1024;
/// How many signatures are looked at.
const MOST: usize = 64;

/// The manifest of the signatures of another one, each of them a layer, as cosign writes it.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
struct Manifest {
    layers: Vec<Layer>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

impl Beside {
    /// Reads one, whoever wrote it.
    pub fn parse(manifest: &[u8]) -> Result<Self, Unfit> {
        let Manifest { layers } = serde_json::from_slice(manifest)?;
        Ok(Self { layers })
    }

    /// Each signature in base64, behind the text that it is over. Whatever is not understood is left
    /// out.
    pub fn signatures(&self) -> impl Iterator<Item = (Blob, &str)> {
        let fit = |layer: &&Layer| {
            layer.media_type == PAYLOAD && layer.size <= LARGEST && is_digest(&layer.digest)
        };
        let named = self.layers.iter().filter(fit).filter_map(|layer| {
            let blob = Blob {
                digest: layer.digest.clone(),
                size: layer.size,
            };
            Some((blob, layer.annotations.get(SIGNATURE)?.as_str()))
        });
        named.take(MOST)
    }

    /// Adds a signature in base64 over a text.
    pub fn add(&mut self, payload: &[u8], signature: String) {
        self.layers.push(Layer {
            media_type: PAYLOAD.to_owned(),
            digest: named(payload),
            size: payload.len() as u64,
            annotations: [(SIGNATURE.to_owned(), signature)].into(),
        });
    }

    /// The configuration that it names.
    pub fn config(&self) -> Vec<u8> {
        let layers: Vec<&String> = self.layers.iter().map(|layer| &layer.digest).collect();
        let config = json!({
            "architecture": "",
            "os": "",
            "config": {},
            "rootfs": { "type": "layers", "diff_ids": layers },
        });
        config.to_string().into_bytes()
    }

    /// Its text.
    pub fn text(&self) -> Vec<u8> {
        let config = self.config();
        let text: Value = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": { "mediaType": CONFIG, "digest": named(&config), "size": config.len() },
            "layers": self.layers,
        });
        text.to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_the_signatures_that_were_added_and_nothing_strange() {
        let mut beside = Beside::default();
        beside.add(b"one", "MEUC".to_owned());
        beside.add(&b" ".repeat(64 * 1024 + 1), "MEUD".to_owned());
        beside.add(b"two", "MEUE".to_owned());
        let again = Beside::parse(&beside.text()).unwrap();
        let found: Vec<(String, &str)> = again
            .signatures()
            .map(|(blob, signature)| (blob.digest, signature))
            .collect();
        assert_eq!(found, [(named(b"one"), "MEUC"), (named(b"two"), "MEUE")]);
        assert!(Beside::parse(b"{}").is_err());
    }
}
