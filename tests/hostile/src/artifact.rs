use cellhost_artifact::{Beside, parts};
use cellhost_plan::is_digest;

/// More bytes than a module has at most, or what somebody signs.
const LARGEST: u64 = 256 << 20;

/// A manifest from a registry: that of a module, and that of the signatures beside one.
pub fn artifact(bytes: &[u8]) {
    if let Ok(parts) = parts(bytes) {
        for blob in [parts.config, parts.layer] {
            assert!(is_digest(&blob.digest) && blob.size <= LARGEST, "{blob:?}");
        }
    }
    let Ok(beside) = Beside::parse(bytes) else {
        return;
    };
    let again = Beside::parse(&beside.text());
    assert!(
        again.is_ok_and(|again| again.signatures().eq(beside.signatures())),
        "{beside:?}"
    );
    for (blob, _) in beside.signatures() {
        assert!(is_digest(&blob.digest) && blob.size <= LARGEST, "{blob:?}");
    }
}
