//! Second stage: pixels from a frame's bytes. Every format gives the pixels that PIL's
//! `convert("RGB")` gives after `ImageOps.exif_transpose`: transparency and colour
//! profiles are dropped, CMYK becomes RGB without a profile.

mod formats;
mod jpeg;
mod limits;
mod orientation;
mod picture;
mod raw;

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::capture::{Encoding, Frame};
use super::luma::LumaSummary;
use crate::error::{Error, Result};
use crate::jpeg as jpeg_markers;
pub use crate::region::Region;
use limits::{Refusal, check_size};
use picture::to_luma;
pub use picture::{Chroma, Need, Picture, Samples};

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

    /// Decodes what `need` asks of `frame` into `picture`. Where a summary of its luma is
    /// wanted, that is of all of it, whatever is needed.
    ///
    /// # Errors
    /// The bytes are not a picture, damaged, or too large.
    pub fn decode(
        &mut self,
        frame: &Frame,
        need: &dyn Need,
        picture: &mut Picture,
        luma: Option<&mut LumaSummary>,
    ) -> Result<()> {
        picture.eighths = 8;
        let max_pixels = self.options.max_pixels;
        let decoded = match frame.encoding {
            Encoding::Raw(format) => check_size(format.width, format.height, max_pixels)
                .and_then(|()| raw::decode(&frame.bytes, format, need, picture, luma)),
            Encoding::File => self
                .file(&frame.bytes, need, picture, luma.is_some())
                .map(|()| {
                    if let Some(luma) = luma {
                        picture.measure(luma);
                    }
                }),
        };
        decoded.map_err(|refusal| {
            let error = Error::input(&frame.source, refusal.text).with_settings(refusal.settings);
            match refusal.remedy {
                Some(remedy) => error.with_remedy(remedy),
                None => error,
            }
        })?;
        if self.options.gray {
            to_luma(picture);
        }
        Ok(())
    }
    /// Decodes a file of any format, all of it if it is wanted `whole`.
    fn file(
        &mut self,
        bytes: &[u8],
        need: &dyn Need,
        picture: &mut Picture,
        whole: bool,
    ) -> std::result::Result<(), Refusal> {
        let max_pixels = self.options.max_pixels;
        if bytes.starts_with(&[0xff, jpeg_markers::SOI]) {
            return match whole {
                true => self.jpeg.decode(bytes, max_pixels, &Whole(need), picture),
                false => self.jpeg.decode(bytes, max_pixels, need, picture),
            };
        }
        // The decoders check what they read, but a picture is outside data: a trap in one of
        // them costs that picture, not the program.
        catch_unwind(AssertUnwindSafe(|| {
            formats::decode(bytes, max_pixels, picture)
        }))
        .unwrap_or_else(|_| Err("the decoder failed inside".into()))
    }
}

/// The whole picture, at the scale that is needed.
struct Whole<'a>(&'a dyn Need);

impl Need for Whole<'_> {
    fn region(&self, width: usize, height: usize) -> Region {
        Region {
            x: 0,
            y: 0,
            width,
            height,
        }
    }

    fn eighths(&self, width: usize, height: usize) -> usize {
        self.0.eighths(width, height)
    }
}
