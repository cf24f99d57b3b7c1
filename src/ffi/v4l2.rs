//! How a video device makes luma and chroma of colours: the one field of its format that the
//! `v4l` crate does not pass on.

use std::io::Result;
use std::mem::zeroed;
use std::ptr::from_mut;

use v4l::buffer::Type;
use v4l::device::Device;
use v4l::v4l_sys::v4l2_format;
use v4l::v4l2::{ioctl, vidioc::VIDIOC_G_FMT};

/// `enum v4l2_ycbcr_encoding` of the device's present format.
///
/// # Errors
/// The driver's.
pub(crate) fn ycbcr_encoding(device: &Device) -> Result<u32> {
    // SAFETY: all zeros are a valid value of this plain C structure.
    let mut format: v4l2_format = unsafe { zeroed() };
    format.type_ = Type::VideoCapture as u32;
    // SAFETY: the descriptor is open as long as `device` lives, and VIDIOC_G_FMT writes one
    // `v4l2_format`, which lives on this stack.
    unsafe {
        ioctl(
            device.handle().fd(),
            VIDIOC_G_FMT,
            from_mut(&mut format).cast(),
        )?;
    }
    // SAFETY: for a video capture the kernel fills `pix`, and every bit pattern is a number.
    Ok(unsafe { format.fmt.pix.__bindgen_anon_1.ycbcr_enc })
}
