//! Keys and signatures.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cellhost_hostile::signature(bytes));
