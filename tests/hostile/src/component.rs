use std::error::Error;

use cellhost_manifest::{ExtractError, Interfaces, SECTION, embed, extract};
use wasm_encoder::{Component, CustomSection};

use crate::assert_harmless;

/// What stands behind the header of a component.
pub fn component(bytes: &[u8]) {
    let component = [&Component::HEADER[..], bytes].concat();
    extracted(&component);
    if let Err(error) = Interfaces::of(&component) {
        assert_tells(&error);
    }
    extracted(bytes);
}

/// The section inside a module that says what it is.
pub fn section(bytes: &[u8]) {
    let mut component = Component::new();
    component.section(&CustomSection {
        name: SECTION.into(),
        data: bytes.into(),
    });
    extracted(component.as_slice());
}

fn extracted(component: &[u8]) {
    match extract(component) {
        Ok(embedded) => {
            let again = embed(component, &embedded).and_then(|module| extract(&module));
            assert!(
                again.as_ref().is_ok_and(|again| *again == embedded),
                "{again:?} was {embedded:?}"
            );
        }
        Err(error) => assert_tells(&error),
    }
}

fn assert_tells(error: &ExtractError) {
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(error) = cause {
        assert_harmless(&error.to_string());
        cause = error.source();
    }
}
