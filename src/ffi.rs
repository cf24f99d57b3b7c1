//! The crate's only unsafe code, for what no safe interface offers.
#![allow(
    unsafe_code,
    reason = "the fence: every other file is under `deny(unsafe_code)`"
)]

mod jpeg_warnings;
pub(crate) mod malloc;
#[cfg(feature = "onnxruntime")]
pub(crate) mod onnxruntime;
pub(crate) mod turbojpeg;
#[cfg(all(feature = "v4l", target_os = "linux"))]
pub(crate) mod v4l2;
pub(crate) mod webp;
