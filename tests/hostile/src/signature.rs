use cellhost_artifact::{PublicKey, SecretKey, Signature};

use crate::assert_harmless;

/// A key that nobody has the other half of any more.
const KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEW7e2DUcvltEUdZQiBX9uv1qgErOR
XNlKMcntlY2MnHR/Sfgx83iagdVi6A08G4OivqDernKY4yyj9C2mKEbhPA==
-----END PUBLIC KEY-----
";

/// Keys in PEM; and two lines, what somebody says to have signed and the signature.
pub fn signature(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match PublicKey::parse(text) {
        Ok(key) => {
            let again = key.pem().and_then(|pem| PublicKey::parse(&pem));
            assert!(again.is_ok_and(|again| again == key), "{text:?}");
        }
        Err(error) => assert_harmless(&error.to_string()),
    }
    if let Ok(key) = SecretKey::parse(text) {
        let again = key.pem().and_then(|pem| SecretKey::parse(&pem));
        let public = again.map(|again| again.public());
        assert!(
            public.is_ok_and(|public| public == key.public()),
            "{text:?}"
        );
    }
    let (payload, signature) = text.split_once('\n').unwrap_or((text, ""));
    let signature = Signature {
        payload: payload.to_owned(),
        signature: signature.to_owned(),
    };
    // Those who could sign with this key are none, so that nothing has its signature.
    let made = PublicKey::parse(KEY).is_ok_and(|key| key.made(&signature));
    assert!(!made, "{signature:?}");
    let _ = signature.about();
}
