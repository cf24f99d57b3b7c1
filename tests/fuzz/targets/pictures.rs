//! Picture files of every format.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ocelli::fuzz::pictures(bytes));
