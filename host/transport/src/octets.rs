//! Bytes in JSON: as text where they are text, else in base64, so that people can read what is on
//! record and a program gets the very same bytes back.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written<'a> {
    Text(Cow<'a, str>),
    Encoded { base64: String },
}

/// Writes bytes, for `#[serde(with)]`.
pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    let written = match std::str::from_utf8(bytes) {
        Ok(text) => Written::Text(Cow::Borrowed(text)),
        Err(_) => Written::Encoded {
            base64: STANDARD.encode(bytes),
        },
    };
    written.serialize(serializer)
}

/// Reads what [`serialize`] wrote, for `#[serde(with)]`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    match Written::deserialize(deserializer)? {
        Written::Text(text) => Ok(text.into_owned().into_bytes()),
        Written::Encoded { base64 } => STANDARD.decode(base64).map_err(D::Error::custom),
    }
}
