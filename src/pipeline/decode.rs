//! Second stage: pixels from a frame's bytes. Every format gives the pixels that PIL's
//! `convert("RGB")` gives after `ImageOps.exif_transpose`: transparency and colour
//! profiles are dropped, CMYK becomes RGB without a profile.

mod bmp;
mod directory;
mod formats;
mod gif;
mod jpeg;
mod limits;
mod lzw;
mod orientation;
mod picture;
mod png_metadata;
mod raw;
mod tiff;
mod webp;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use super::capture::{Encoding, Frame};
use crate::error::{Error, Result};
use crate::jpeg as jpeg_markers;
pub use crate::region::Region;
use limits::{Refusal, check_size};
pub(crate) use picture::Whole;
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

/// The decoder: libjpeg-turbo for JPEG, libwebp for WebP, other crates for the other formats,
/// and conversions of raw pixels.
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
    /// The bytes are not a picture, damaged, or too large.
    pub fn decode(&mut self, frame: &Frame, need: &dyn Need, picture: &mut Picture) -> Result<()> {
        picture.eighths = 8;
        let max_pixels = self.options.max_pixels;
        let decoded = match frame.encoding {
            Encoding::Raw(format) => check_size(format.width, format.height, max_pixels)
                .and_then(|()| raw::decode(&frame.bytes, format, need, picture)),
            Encoding::File => self.file(&frame.bytes, need, picture),
        };
        decoded.map_err(|refusal| {
            let error = Error::input(&frame.source, refusal.text).with_settings(refusal.settings);
            match refusal.remedy {
                Some(remedy) => error.with_remedy(remedy),
                None => error,
            }
        })?;
        if let Some(odd) = self.jpeg.take_oddity() {
            report(&frame.source, odd);
        }
        if self.options.gray {
            to_luma(picture);
        }
        Ok(())
    }

    /// Decodes a file of any format.
    fn file(
        &mut self,
        bytes: &[u8],
        need: &dyn Need,
        picture: &mut Picture,
    ) -> std::result::Result<(), Refusal> {
        let max_pixels = self.options.max_pixels;
        if bytes.starts_with(&[0xff, jpeg_markers::SOI]) {
            return self.jpeg.decode(bytes, max_pixels, need, picture);
        }
        // The decoders check what they read, but a picture is outside data: a trap in one of
        // them costs that picture, not the program.
        let decode = if tiff::is_tiff(bytes) {
            tiff::decode
        } else if bytes.starts_with(b"GIF8") {
            gif::decode
        } else if webp::is_webp(bytes) {
            webp::decode
        } else {
            formats::decode
        };
        catch_unwind(AssertUnwindSafe(|| decode(bytes, max_pixels, picture)))
            .unwrap_or_else(|_| Err("the decoder failed inside".into()))
    }
}

/// Says that a JPEG is odd but whole: aloud once, because a camera that writes such JPEGs
/// writes nothing else.
fn report(source: &str, odd: &str) {
    static SAID: AtomicBool = AtomicBool::new(false);
    let level = if SAID.swap(true, Ordering::Relaxed) {
        log::Level::Debug
    } else {
        log::Level::Warn
    };
    log::log!(level, "{source}: the JPEG has {odd}, which is no damage");
}
