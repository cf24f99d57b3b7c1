//! The walk along a JPEG's markers.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ocelli::fuzz::jpeg(bytes));
