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
    /// How `pixels` are laid out.
    pub samples: Samples,
    /// 8 bits per value, row after row.
    pub pixels: Vec<u8>,
}

/// What the values of a picture are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Samples {
    /// Red, green, blue of each pixel.
    #[default]
    Rgb,
    /// Luma, 0 to 255.
    Luma,
    /// A plane of luma, one of Cb, one of Cr, as the camera gave them.
    Yuv(Chroma),
}

/// How chroma accompanies luma. Cameras and FFmpeg mean ITU-R BT.601 unless they say
/// otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chroma {
    /// Pixels per chroma sample in a row, 1 or 2.
    pub across: usize,
    /// Rows per chroma row, 1 or 2.
    pub down: usize,
    /// Whether luma uses all of 0 to 255 instead of 16 to 235.
    pub full_range: bool,
}

impl Chroma {
    /// The chroma samples that belong to a region of the picture.
    pub fn region(&self, luma: Region) -> Region {
        let (x, y) = (luma.x / self.across, luma.y / self.down);
        Region {
            x,
            y,
            width: (luma.x + luma.width).div_ceil(self.across) - x,
            height: (luma.y + luma.height).div_ceil(self.down) - y,
        }
    }
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
            to_luma(picture);
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

/// Luma in place: of colours by PIL's fixed-point form of ITU-R 601-2, of planes the first,
/// stretched to 0 to 255.
fn to_luma(picture: &mut Picture) {
    let count = picture.region.width * picture.region.height;
    match picture.samples {
        Samples::Rgb => {
            for at in 0..count {
                let [r, g, b] = [0, 1, 2].map(|c| u32::from(picture.pixels[3 * at + c]));
                picture.pixels[at] = ((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16) as u8;
            }
        }
        Samples::Yuv(chroma) if !chroma.full_range => {
            let stretched: [u8; 256] = std::array::from_fn(|luma| {
                ((luma as f64 - 16.0) * 255.0 / 219.0)
                    .round()
                    .clamp(0.0, 255.0) as u8
            });
            for value in &mut picture.pixels[..count] {
                *value = stretched[usize::from(*value)];
            }
        }
        Samples::Luma | Samples::Yuv(_) => {}
    }
    picture.pixels.truncate(count);
    picture.samples = Samples::Luma;
}

impl Picture {
    /// Gives back the memory of an unusually large picture: the next ones will be smaller.
    pub fn let_go(&mut self) {
        /// Bytes that are kept for the next picture: more than 8 megapixels of RGB.
        const KEPT: usize = 32 << 20;
        if self.pixels.capacity() > KEPT {
            self.pixels = Vec::new();
        }
    }

    /// Declares the picture whole, of this size, in RGB.
    fn set_whole(&mut self, width: usize, height: usize) {
        self.width = width;
        self.height = height;
        self.region = Region {
            x: 0,
            y: 0,
            width,
            height,
        };
        self.samples = Samples::Rgb;
    }
}
