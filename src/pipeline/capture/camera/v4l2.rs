//! Cameras as Linux's video drivers give them.

mod colour;
mod device;
mod stream;

pub(crate) use device::modes_of;
pub(crate) use stream::{CameraStream, Dequeued};
