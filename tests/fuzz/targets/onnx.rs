//! The ONNX file format, as far as it is read.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ocelli::fuzz::onnx(bytes));
