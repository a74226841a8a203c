use wasmparser::{Encoding, Parser, Payload};
use wit_component::ComponentEncoder;

use crate::PackError;

/// Turns a compiled guest into a component; one that is a component already is returned as it is.
///
/// A core module has to carry the component type that the generators of bindings put into it.
pub fn componentize(guest: &[u8]) -> Result<Vec<u8>, PackError> {
    match encoding(guest)? {
        Encoding::Component => Ok(guest.to_vec()),
        Encoding::Module => encode(guest),
    }
}

fn encoding(guest: &[u8]) -> Result<Encoding, PackError> {
    match Parser::new(0).parse_all(guest).next() {
        Some(Ok(Payload::Version { encoding, .. })) => Ok(encoding),
        Some(Err(source)) => Err(PackError::NotWasm { source }),
        Some(Ok(_)) | None => Err(PackError::Guest {
            reason: "it is empty".to_owned(),
        }),
    }
}

fn encode(core: &[u8]) -> Result<Vec<u8>, PackError> {
    let mut encoder = ComponentEncoder::default();
    encoder
        .validate(true)
        .module(core)
        .and_then(ComponentEncoder::encode)
        .map_err(|error| PackError::Guest {
            reason: format!("{error:#}"),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_a_component_as_it_is() {
        let component = b"\0asm\x0d\0\x01\0";
        assert_eq!(componentize(component).unwrap(), component);
    }

    #[test]
    fn refuses_what_is_no_wasm() {
        let error = componentize(b"#!/bin/sh").unwrap_err();
        assert!(matches!(error, PackError::NotWasm { .. }), "{error}");
    }
}
