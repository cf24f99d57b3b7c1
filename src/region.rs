//! A rectangle of pixels, which decoding, preprocessing and the JPEG library all speak of.

/// A rectangle of pixels inside a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Region {
    /// Left edge, pixels from the left.
    pub x: usize,
    /// Top edge, pixels from the top.
    pub y: usize,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
}
