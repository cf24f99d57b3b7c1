//! JPEG through libjpeg-turbo: only the blocks that the crop needs are brought to pixels,
//! which is exact and saves a fifth to a third of the time. Turned and CMYK pictures are
//! decoded whole.

use image::metadata::Orientation;

use super::limits::{Refusal, check_memory, check_size};
use super::orientation::turn;
use super::picture::{Need, Picture};
use crate::error::{Error, Result};
use crate::ffi::turbojpeg::{JpegDecoder, JpegHeader, scaled};
use crate::jpeg::{EOI, prologue};
use crate::region::Region;

/// The decoder and its buffer for CMYK.
pub(crate) struct Jpeg {
    turbo: JpegDecoder,
    memory_mb: usize,
    cmyk: Vec<u8>,
}

impl Jpeg {
    /// A decoder whose own buffers stay in proportion to the largest picture.
    pub(crate) fn new(max_pixels: usize) -> Result<Self> {
        let memory_mb = (max_pixels * 2 / 1_000_000).max(64);
        let turbo = JpegDecoder::new(memory_mb)
            .ok_or_else(|| Error::engine("libjpeg-turbo", "there is no memory for a decoder"))?;
        Ok(Self {
            turbo,
            memory_mb,
            cmyk: Vec::new(),
        })
    }

    /// Decodes what is needed. A file that fails leaves libjpeg-turbo's parser wherever it
    /// stood, so the next one gets a new decoder.
    pub(crate) fn decode(
        &mut self,
        bytes: &[u8],
        max_pixels: usize,
        need: &dyn Need,
        picture: &mut Picture,
    ) -> std::result::Result<(), Refusal> {
        let decoded = self.attempt(bytes, max_pixels, need, picture);
        if decoded.is_err()
            && let Some(fresh) = JpegDecoder::new(self.memory_mb)
        {
            self.turbo = fresh;
        }
        decoded
    }

    fn attempt(
        &mut self,
        bytes: &[u8],
        max_pixels: usize,
        need: &dyn Need,
        picture: &mut Picture,
    ) -> std::result::Result<(), Refusal> {
        let header = self
            .turbo
            .header(bytes)
            .map_err(|e| format!("the JPEG cannot be decoded: {e}"))?;
        check_size(header.width, header.height, max_pixels)?;
        if header.precision != 8 {
            return Err(
                format!("a JPEG of {} bits per sample, expected 8", header.precision).into(),
            );
        }
        let (exif, scan) = prologue(bytes);
        // Decoding by region stops at the region's last row: it would not see that the
        // rest is missing.
        let end = memchr::memmem::rfind(bytes, &[0xff, EOI]);
        if scan.zip(end).is_none_or(|(scan, end)| end < scan) {
            return Err(format!(
                "the JPEG is cut short: {} bytes without an end marker",
                bytes.len()
            )
            .into());
        }
        let orientation = exif
            .and_then(Orientation::from_exif_chunk)
            .unwrap_or(Orientation::NoTransforms);
        // Such pictures are decoded whole and then once more: as RGB, or upright.
        let bytes_per_pixel = match (header.cmyk, orientation) {
            (true, _) => 7,
            (false, Orientation::NoTransforms) => 3,
            (false, _) => 6,
        };
        check_memory(header.width, header.height, bytes_per_pixel, max_pixels)?;
        let damaged = |e| format!("the JPEG is damaged: {e}");
        if header.cmyk {
            let size = (header.width, header.height);
            self.cmyk.resize(header.width * header.height * 4, 0);
            self.turbo
                .decode(bytes, true, 8, None, size, &mut self.cmyk)
                .map_err(damaged)?;
            picture.set_whole(header.width, header.height);
            cmyk_to_rgb(&self.cmyk, &mut picture.pixels);
        } else {
            self.rgb(bytes, header, orientation, need, picture)
                .map_err(damaged)?;
        }
        turn(picture, orientation);
        Ok(())
    }

    fn rgb(
        &mut self,
        bytes: &[u8],
        header: JpegHeader,
        orientation: Orientation,
        need: &dyn Need,
        picture: &mut Picture,
    ) -> std::result::Result<(), String> {
        let JpegHeader {
            width,
            height,
            block_width,
            ..
        } = header;
        picture.set_whole(width, height);
        let by_region =
            orientation == Orientation::NoTransforms && block_width > 0 && !header.lossless;
        if by_region {
            picture.eighths = need.eighths(width, height).clamp(1, 8);
            picture.region = aligned(need.region(width, height), &header, picture.eighths);
        }
        let Region { width, height, .. } = picture.region;
        picture.pixels.resize(width * height * 3, 0);
        let region = by_region.then_some(picture.region);
        self.turbo.decode(
            bytes,
            false,
            picture.eighths,
            region,
            (width, height),
            &mut picture.pixels,
        )
    }
}

/// The region in pixels of the scaled picture, widened to the left to a block's edge, as
/// the decoder requires it.
fn aligned(needed: Region, header: &JpegHeader, eighths: usize) -> Region {
    let (full_width, full_height) = (
        scaled(header.width, eighths),
        scaled(header.height, eighths),
    );
    let down = |v: usize| v * eighths / 8;
    let up = |v: usize| (v * eighths).div_ceil(8);
    let block = (header.block_width * eighths / 8).max(1);
    let x = down(needed.x) / block * block;
    let y = down(needed.y);
    let right = up(needed.x + needed.width).min(full_width);
    let bottom = up(needed.y + needed.height).min(full_height);
    Region {
        x,
        y,
        width: right - x,
        height: bottom - y,
    }
}

/// Adobe's inverted CMYK, as libjpeg gives it, to RGB: PIL's `cmyk2rgb`, which rounds
/// `k * c / 255` as below.
fn cmyk_to_rgb(cmyk: &[u8], rgb: &mut Vec<u8>) {
    rgb.clear();
    for pixel in cmyk.chunks_exact(4) {
        let white = u32::from(pixel[3]);
        for ink in &pixel[..3] {
            let product = (255 - u32::from(*ink)) * white + 128;
            let absorbed = (product + (product >> 8)) >> 8;
            rgb.push((white - absorbed) as u8);
        }
    }
}
