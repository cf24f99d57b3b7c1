//! A camera's multipart stream.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ocelli::fuzz::multipart(bytes));
