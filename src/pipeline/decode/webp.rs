//! WebP as PIL reads it: the first frame on its canvas, where nothing lies below it, so that
//! it replaces the canvas even where it asks to be blended. What it leaves free is black.

use super::limits::{Refusal, check_size};
use super::orientation::{orientation, turn};
use super::picture::Picture;
use crate::ffi::webp::WebpFile;

/// Whether a file begins as a WebP does.
pub(crate) fn is_webp(bytes: &[u8]) -> bool {
    bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP")
}

/// Decodes a whole file.
pub(crate) fn decode(
    bytes: &[u8],
    max_pixels: usize,
    picture: &mut Picture,
) -> Result<(), Refusal> {
    let damaged = |reason: &str| Refusal::from(format!("the WEBP is damaged: {reason}"));
    let Some(file) = WebpFile::open(bytes) else {
        return Err(damaged("its parts do not fit together, or end too early"));
    };
    let (width, height) = file.size();
    check_size(width, height, max_pixels)?;
    let Some(frame) = file.first_frame() else {
        return Err(damaged("it has no frame"));
    };
    if frame.x + frame.width > width || frame.y + frame.height > height {
        return Err(damaged("its frame reaches beyond its canvas"));
    }
    if (frame.width, frame.height) != (width, height) {
        picture.pixels.clear();
    }
    picture.pixels.resize(width * height * 3, 0);
    let stride = width * 3;
    let start = frame.y * stride + frame.x * 3;
    frame
        .decode(&mut picture.pixels[start..], stride)
        .map_err(damaged)?;
    picture.set_whole(width, height);
    turn(
        picture,
        orientation(file.chunk(b"EXIF"), file.chunk(b"XMP ")),
    );
    Ok(())
}
