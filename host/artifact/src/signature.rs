//! Keys and signatures, in the form that cosign writes and reads: ECDSA over P-256 with SHA-256, about a
//! small JSON text that names a manifest by its hash.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature as Ecdsa, SigningKey, VerifyingKey};
use p256::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _,
    LineEnding,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

const TYPE: &str = "cosign container image signature";

/// What somebody has signed, and the signature. Nobody's word for anything until it is verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// The text, in base64.
    pub payload: String,
    /// The signature over it, in base64.
    pub signature: String,
}

/// A key that vouches for modules.
pub struct SecretKey(SigningKey);

/// A key by which that can be verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// Why a text is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It is that of another tool, which keeps it under a password.
    #[error("this key is kept under a password by cosign")]
    Encrypted,
    /// It is none of the kind that is used here.
    #[error("this is no {0} key of ECDSA over P-256 in PEM")]
    Unfit(&'static str),
}

impl SecretKey {
    /// A new one.
    pub fn generate() -> Self {
        loop {
            let mut seed = Zeroizing::new([0_u8; 32]);
            rand::fill(seed.as_mut_slice());
            // Next to no seed is too large.
            if let Ok(key) = SigningKey::from_slice(seed.as_slice()) {
                return Self(key);
            }
        }
    }

    /// Reads one that `pem` or openssl has written.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if text.contains("ENCRYPTED") {
            return Err(KeyError::Encrypted);
        }
        let key = SigningKey::from_pkcs8_pem(text);
        key.map(Self).map_err(|_| KeyError::Unfit("secret"))
    }

    /// Its text.
    pub fn pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let text = self.0.to_pkcs8_pem(LineEnding::LF);
        text.map_err(|_| KeyError::Unfit("secret"))
    }

    /// The other half.
    pub fn public(&self) -> PublicKey {
        PublicKey(*self.0.verifying_key())
    }

    /// Vouches for a manifest, as that of this repository.
    pub fn sign(&self, repository: &str, manifest: &str) -> Signature {
        let payload = json!({
            "critical": {
                "identity": { "docker-reference": repository },
                "image": { "docker-manifest-digest": manifest },
                "type": TYPE,
            },
            "optional": Value::Null,
        });
        let payload = payload.to_string();
        let signature: Ecdsa = self.0.sign(payload.as_bytes());
        Signature {
            payload: STANDARD.encode(payload),
            signature: STANDARD.encode(signature.to_der()),
        }
    }
}

impl PublicKey {
    /// Reads one that `pem`, cosign or openssl has written.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_public_key_pem(text);
        key.map(Self).map_err(|_| KeyError::Unfit("public"))
    }

    /// Its text.
    pub fn pem(&self) -> Result<String, KeyError> {
        let text = self.0.to_public_key_pem(LineEnding::LF);
        text.map_err(|_| KeyError::Unfit("public"))
    }

    /// Whether this key made a signature, whatever it is about.
    pub fn made(&self, signature: &Signature) -> bool {
        let payload = STANDARD.decode(&signature.payload);
        let bytes = STANDARD.decode(signature.signature.trim());
        let (Ok(payload), Ok(bytes)) = (payload, bytes) else {
            return false;
        };
        Ecdsa::from_der(&bytes).is_ok_and(|signature| self.0.verify(&payload, &signature).is_ok())
    }
}

impl Signature {
    /// The hash of the manifest that it is about; none where it is about something else.
    pub fn about(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Payload {
            critical: Critical,
        }
        #[derive(Deserialize)]
        struct Critical {
            image: Image,
            #[serde(rename = "type")]
            kind: String,
        }
        #[derive(Deserialize)]
        struct Image {
            #[serde(rename = "docker-manifest-digest")]
            digest: String,
        }
        let payload = STANDARD.decode(&self.payload).ok()?;
        let payload: Payload = serde_json::from_slice(&payload).ok()?;
        (payload.critical.kind == TYPE).then_some(payload.critical.image.digest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::artifact::named;

    #[test]
    fn a_key_comes_back_from_its_text_and_knows_its_own() {
        let key = SecretKey::generate();
        let again = SecretKey::parse(&key.pem().unwrap()).unwrap();
        let public = PublicKey::parse(&again.public().pem().unwrap()).unwrap();
        let manifest = named(b"manifest");
        let signature = again.sign("registry.example.org/acme/cache", &manifest);
        assert!(public.made(&signature));
        assert_eq!(signature.about(), Some(manifest));
        assert!(!SecretKey::generate().public().made(&signature));
    }

    #[test]
    fn says_what_sort_of_key_is_wanted() {
        let told = |text| PublicKey::parse(text).unwrap_err().to_string();
        assert_eq!(
            told("nothing"),
            "this is no public key of ECDSA over P-256 in PEM"
        );
        let cosign = "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n";
        assert!(matches!(SecretKey::parse(cosign), Err(KeyError::Encrypted)));
        assert!(SecretKey::parse("").is_err());
    }

    proptest! {
        #[test]
        fn nothing_else_is_taken_for_a_signature(payload in ".{0,80}", signature in "[A-Za-z0-9+/=]{0,100}") {
            let key = SecretKey::generate().public();
            let made_up = Signature { payload, signature };
            prop_assert!(!key.made(&made_up));
            let _ = made_up.about();
        }

        #[test]
        fn a_bit_that_is_flipped_is_found(place: prop::sample::Index, bit in 0..8_u8, of_text: bool) {
            let key = SecretKey::generate();
            let signature = key.sign("r/a", &named(b"manifest"));
            let field = if of_text { &signature.payload } else { &signature.signature };
            let mut bytes = STANDARD.decode(field).unwrap();
            let at = place.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let field = STANDARD.encode(&bytes);
            let damaged = if of_text {
                Signature { payload: field, ..signature }
            } else {
                Signature { signature: field, ..signature }
            };
            prop_assert!(!key.public().made(&damaged));
        }
    }
}
