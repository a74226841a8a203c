//! What lines of a record say.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cellhost_hostile::journal(bytes));
