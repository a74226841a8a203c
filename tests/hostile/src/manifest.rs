use std::collections::BTreeMap;

use cellhost_manifest::{Embedded, Manifest, embed, extract};
use wasm_encoder::Component;

use crate::plan::assert_lie_within;

/// A `module.toml`, or what is wrong with it. What it says comes out of a module as it went in.
pub fn manifest(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match Manifest::parse("module.toml", text) {
        Ok(manifest) => {
            let embedded = Embedded::new(manifest, None, BTreeMap::new());
            let module = embed(&Component::HEADER, &embedded);
            let again = module.and_then(|module| extract(&module));
            assert!(
                again.as_ref().is_ok_and(|again| *again == embedded),
                "{again:?} was {embedded:?}"
            );
        }
        Err(wrong) => {
            assert!(wrong.has_errors(), "no manifest and nothing wrong");
            assert_lie_within(text, &wrong);
        }
    }
}
