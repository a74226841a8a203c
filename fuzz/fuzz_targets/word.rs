//! Short texts that stand for something.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cellhost_hostile::word(bytes));
