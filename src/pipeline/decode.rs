//! Second stage: pixels from a frame's bytes. Every format gives the pixels that PIL's
//! `convert("RGB")` gives after `ImageOps.exif_transpose`: transparency and colour
//! profiles are dropped, CMYK becomes RGB without a profile.

mod jpeg;
mod raw;
mod still;

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::capture::{Encoding, Frame};
use crate::error::{Error, Result};
pub use crate::ffi::Region;

/// A decoded picture, or the region of it that is needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels of the whole picture, upright.
    pub width: usize,
    /// Height in pixels of the whole picture, upright.
    pub height: usize,
    /// What `pixels` hold of it, in the scaled picture's coordinates.
    pub region: Region,
    /// Eighths of the full size at which `pixels` stand: 8 is full size.
    pub eighths: usize,
    /// Values per pixel: 3 (red, green, blue) or 1 (luma).
    pub channels: usize,
    /// Row after row, 8 bits per value, channels interleaved.
    pub pixels: Vec<u8>,
}

/// What the later stages need of a picture of a given size.
pub trait Need {
    /// The region of a `width` x `height` picture that is looked at.
    fn region(&self, width: usize, height: usize) -> Region;

    /// The smallest scale, in eighths, at which the picture may be decoded.
    fn eighths(&self, width: usize, height: usize) -> usize;
}

/// How pictures are decoded.
#[derive(Clone, Copy, Debug)]
pub struct DecodeOptions {
    /// Pictures of more pixels are refused before they are decoded.
    pub max_pixels: usize,
    /// Whether one channel of luma is wanted.
    pub gray: bool,
}

/// The decoder: libjpeg-turbo for JPEG, the `image` crate for the other formats, and
/// conversions of raw pixels.
pub struct Decoder {
    options: DecodeOptions,
    jpeg: jpeg::Jpeg,
}

impl Decoder {
    /// A decoder.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn new(options: DecodeOptions) -> Result<Self> {
        Ok(Self {
            options,
            jpeg: jpeg::Jpeg::new(options.max_pixels)?,
        })
    }

    /// Decodes what `need` asks of `frame` into `picture`.
    ///
    /// # Errors
    /// The bytes are no picture, damaged, or too large.
    pub fn decode(&mut self, frame: &Frame, need: &dyn Need, picture: &mut Picture) -> Result<()> {
        picture.eighths = 8;
        let decoded = match frame.encoding {
            Encoding::Raw(format) => {
                check_size(format.width, format.height, self.options.max_pixels)
                    .and_then(|()| raw::decode(&frame.bytes, format, need, picture))
            }
            Encoding::File if frame.bytes.starts_with(&[0xff, crate::jpeg::SOI]) => self
                .jpeg
                .decode(&frame.bytes, self.options.max_pixels, need, picture),
            // The decoders check what they read, but a picture is outside data: a trap in
            // one of them costs that picture, not the program.
            Encoding::File => catch_unwind(AssertUnwindSafe(|| {
                still::decode(&frame.bytes, self.options.max_pixels, picture)
            }))
            .unwrap_or_else(|_| Err("the decoder tripped over it".into())),
        };
        decoded.map_err(|what| {
            let error = Error::input(&frame.source, what.text);
            match what.remedy {
                Some(remedy) => error.remedy(remedy),
                None => error,
            }
        })?;
        if self.options.gray {
            to_gray(picture);
        }
        Ok(())
    }
}

/// Why a picture could not be decoded.
struct Refusal {
    text: String,
    remedy: Option<String>,
}

impl<T: Into<String>> From<T> for Refusal {
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            remedy: None,
        }
    }
}

/// Refuses sizes beyond the limit, before memory is taken for them.
fn check_size(width: usize, height: usize, max_pixels: usize) -> std::result::Result<(), Refusal> {
    match width.checked_mul(height) {
        Some(0) => Err(format!("the picture is {width}x{height}").into()),
        Some(pixels) if pixels <= max_pixels => Ok(()),
        _ => Err(Refusal {
            text: format!(
                "the picture is {width}x{height}, {:.1} megapixels, at most {:.1} are decoded",
                width as f64 * height as f64 / 1e6,
                max_pixels as f64 / 1e6
            ),
            remedy: Some("raise --max-pixels if the file is to be trusted".into()),
        }),
    }
}

/// Bytes of memory for pixels, per pixel allowed: RGB.
const BUDGET: usize = 3;

/// Refuses pictures whose pixels would take more memory than RGB of the limit.
fn check_memory(
    width: usize,
    height: usize,
    bytes_per_pixel: usize,
    max_pixels: usize,
) -> std::result::Result<(), Refusal> {
    let (needed, budget) = (
        (width * height).saturating_mul(bytes_per_pixel),
        max_pixels.saturating_mul(BUDGET),
    );
    if needed <= budget {
        return Ok(());
    }
    Err(Refusal {
        text: format!("its {width}x{height} pixels take {needed} bytes, at most {budget} are used"),
        remedy: Some("raise --max-pixels if the file is to be trusted".into()),
    })
}

/// RGB to luma in place, by PIL's fixed-point form of ITU-R 601-2.
fn to_gray(picture: &mut Picture) {
    let count = picture.region.width * picture.region.height;
    for at in 0..count {
        let [r, g, b] = [0, 1, 2].map(|c| u32::from(picture.pixels[3 * at + c]));
        picture.pixels[at] = ((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16) as u8;
    }
    picture.pixels.truncate(count);
    picture.channels = 1;
}

impl Picture {
    /// Declares the picture whole, of this size, with `channels` values per pixel.
    fn set_whole(&mut self, width: usize, height: usize) {
        self.width = width;
        self.height = height;
        self.region = Region {
            x: 0,
            y: 0,
            width,
            height,
        };
        self.channels = 3;
    }
}
