//! What comes through a pipe: images, YUV4MPEG2.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ocelli::fuzz::pipes(bytes));
