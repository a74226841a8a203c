//! The crate of tests that concern the house as a whole. It has no code of its own.
