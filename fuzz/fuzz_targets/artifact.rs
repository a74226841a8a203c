//! A manifest from a registry.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cellhost_hostile::artifact(bytes));
