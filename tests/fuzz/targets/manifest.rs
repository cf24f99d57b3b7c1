//! The manifest's JSON.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ocelli::fuzz::manifest(bytes));
