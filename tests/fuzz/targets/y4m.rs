//! The header of a YUV4MPEG2 stream.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ocelli::fuzz::y4m(bytes));
