//! What a module says of itself.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cellhost_hostile::section(bytes));
