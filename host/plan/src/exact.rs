use std::fmt;

use crate::module::ModuleId;
use crate::problem::Problem;
use crate::registry::ModulePlace;

/// A module that a plan names by its hash: these bytes, whatever a registry says later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exact {
    /// Where it is.
    pub place: ModulePlace,
    /// The hash of its manifest, `sha256:` and hexadecimal digits.
    pub manifest: String,
}

impl Exact {
    /// Reads an address with a hash, such as `oci://ghcr.io/acme/cache@sha256:…`, where the last two
    /// parts are the module's name.
    pub(crate) fn parse(text: &str) -> Result<(ModuleId, Self), Problem> {
        let form = "write `oci://HOST/PREFIX/NAMESPACE/NAME@sha256:…`, as `cellhost module publish` prints it";
        let wrong = |words: &str| Problem::new(format!("`{text}` {words}")).help(form);
        let Some((address, manifest)) = text.split_once('@') else {
            return Err(wrong("does not say which bytes it means"));
        };
        if !is_digest(manifest) {
            return Err(wrong("has no SHA-256 behind the `@`"));
        }
        // A tag says less than the hash, which is behind it.
        let start = address.rfind('/').unwrap_or_default();
        let address = match address.get(start..).and_then(|last| last.find(':')) {
            Some(at) => address.get(..start + at).unwrap_or(address),
            None => address,
        };
        let ModulePlace {
            is_secure,
            host,
            prefix,
        } = ModulePlace::parse(address)?;
        let mut parts = prefix.rsplitn(3, '/');
        let (Some(name), Some(namespace)) = (parts.next(), parts.next()) else {
            return Err(wrong("does not end in a namespace and a name"));
        };
        let place = ModulePlace {
            is_secure,
            host,
            prefix: parts.next().unwrap_or_default().to_owned(),
        };
        let exact = Self {
            place,
            manifest: manifest.to_owned(),
        };
        Ok((ModuleId::new(namespace, name)?, exact))
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.place, self.manifest)
    }
}

/// Whether a text is the name of bytes by their hash.
pub fn is_digest(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.strip_prefix("sha256:")
        .is_some_and(|digits| digits.len() == 64 && digits.bytes().all(is_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_publishing_prints() {
        let hash = format!("sha256:{}", "0a".repeat(32));
        for (address, place) in [
            (
                "oci://ghcr.io/corp/modules/acme/cache",
                "oci://ghcr.io/corp/modules",
            ),
            ("oci://ghcr.io/acme/cache:1.4.1", "oci://ghcr.io"),
            ("oci+http://[::1]:5000/acme/cache", "oci+http://[::1]:5000"),
        ] {
            let (module, exact) = Exact::parse(&format!("{address}@{hash}")).unwrap();
            assert_eq!(module.to_string(), "acme:cache");
            assert_eq!(exact.place.to_string(), place);
            assert_eq!(exact.manifest, hash);
        }
        for text in [
            "oci://ghcr.io/acme/cache".to_owned(),
            format!("oci://ghcr.io/cache@{hash}"),
            format!("oci://ghcr.io@{hash}"),
            format!("oci://ghcr.io/../cache@{hash}"),
            format!("https://ghcr.io/acme/cache@{hash}"),
            "oci://ghcr.io/acme/cache@sha256:00".to_owned(),
            format!("oci://ghcr.io/acme/cache@{}", hash.to_uppercase()),
        ] {
            assert!(Exact::parse(&text).is_err(), "{text}");
        }
    }
}
