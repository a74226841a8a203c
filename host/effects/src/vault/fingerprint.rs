//! Whether a secret is still what it was, told without its value.

use std::collections::BTreeMap;

use cellhost_manifest::hexadecimal;
use cellhost_plan::SecretName;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::Vault;

/// How many bytes one step of SHA-256 takes in.
const BLOCK: usize = 64;

impl Vault {
    /// A hash of each value under a key that is kept on this computer. Whoever has a record and
    /// not the key cannot try out values.
    pub fn fingerprints(&self, key: &[u8; 32]) -> BTreeMap<SecretName, String> {
        let values = self.values.iter();
        values
            .map(|(name, value)| {
                let text = [name.as_str().as_bytes(), b"\0", value.as_bytes()];
                let text = Zeroizing::new(text.concat());
                (name.clone(), hexadecimal(&hmac(key, &text)))
            })
            .collect()
    }
}

/// HMAC-SHA-256 as in RFC 2104, with a key that is shorter than a block.
fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let padded = |pad: u8| {
        let mut block = Zeroizing::new([pad; BLOCK]);
        for (byte, key) in block.iter_mut().zip(key) {
            *byte ^= key;
        }
        block
    };
    let inner = Sha256::new()
        .chain_update(padded(0x36).as_slice())
        .chain_update(text)
        .finalize();
    let outer = Sha256::new()
        .chain_update(padded(0x5c).as_slice())
        .chain_update(inner);
    outer.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_hmac_of_rfc_4231() {
        let case = |key: &[u8], text: &[u8]| hexadecimal(&hmac(key, text));
        assert_eq!(
            case(b"Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            case(&[0x0b; 20], b"Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
    }

    #[test]
    fn tells_values_names_and_keys_apart() {
        let print = |name: &str, value: &str, key: u8| {
            let name = SecretName::new(name).unwrap();
            let value = Zeroizing::new(value.to_owned());
            let vault = Vault::holding(BTreeMap::from([(name.clone(), value)]));
            vault.fingerprints(&[key; 32]).remove(&name).unwrap()
        };
        let one = print("a", "sesame", 1);
        assert_eq!(one, print("a", "sesame", 1));
        let others = [
            print("b", "sesame", 1),
            print("a", "sesam", 1),
            print("a", "sesame", 2),
        ];
        assert!(!others.contains(&one) && !one.contains("sesame"));
    }
}
