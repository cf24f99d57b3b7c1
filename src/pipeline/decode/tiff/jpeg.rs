//! JPEG inside TIFF: every strip or tile is a file without its tables. What the TIFF says of
//! their colours counts, so it is written into each where libjpeg looks for it.

use super::layout::{Layout, Meaning};
use crate::ffi::turbojpeg::JpegDecoder;
use crate::jpeg::SOI;
use crate::pipeline::decode::limits::{Refusal, check_size, unsupported};

/// The values of all chunks, side by side: RGB (also of YCbCr), greys or inks.
pub(super) fn samples(
    bytes: &[u8],
    layout: &Layout,
    max_pixels: usize,
) -> Result<Vec<u8>, Refusal> {
    let inks = match (layout.channels, layout.bits, layout.planar) {
        (1 | 3, 8, false) => false,
        (4, 8, false) => true,
        (channels, bits, planar) => {
            let planes = if planar { ", in planes" } else { "" };
            let kind = format!("JPEG of {channels} values of {bits} bits per pixel{planes}");
            return Err(unsupported("TIFF", kind));
        }
    };
    let damaged = |reason: String| format!("the TIFF is damaged: {reason}");
    let (across, down) = layout.chunk;
    let grid = layout.grid()?;
    /// Megabytes for the decoder's own buffers: chunks are small.
    const MEMORY_MB: usize = 64;
    let Some(mut decoder) = JpegDecoder::new(MEMORY_MB) else {
        return Err("there is no memory for a decoder".into());
    };
    let mut samples = vec![0; layout.stored_bytes()];
    let mut pixels = Vec::new();
    for (index, range) in layout.chunks.iter().enumerate().take(grid.count) {
        let file = whole_file(bytes, layout, *range).map_err(damaged)?;
        let header = decoder.header(&file).map_err(damaged)?;
        let (left, top) = (index % grid.columns * across, index / grid.columns * down);
        let (width, height) = (header.width, header.height);
        if width > across || height > down || header.cmyk != inks || header.precision != 8 {
            return Err(damaged(format!("a JPEG of {width}x{height} in {across}x{down}")).into());
        }
        // A tile may be larger than the picture.
        check_size(width, height, max_pixels)?;
        let stored = if inks { 4 } else { 3 };
        pixels.resize(width * height * stored, 0);
        decoder
            .decode(&file, inks, 8, None, (width, height), &mut pixels)
            .map_err(damaged)?;
        place(layout, &pixels, (width, stored), (left, top), &mut samples);
    }
    Ok(samples)
}

/// Puts a chunk, `width` pixels of `stored` bytes across, where it belongs; what reaches
/// beyond the picture is padding.
fn place(
    layout: &Layout,
    pixels: &[u8],
    (width, stored): (usize, usize),
    (left, top): (usize, usize),
    samples: &mut [u8],
) {
    let channels = layout.channels;
    let shown = width.min(layout.width - left);
    let rows = pixels.chunks_exact(width * stored);
    for (y, row) in (top..layout.height).zip(rows) {
        let start = (y * layout.width + left) * channels;
        let to = samples[start..start + shown * channels].chunks_exact_mut(channels);
        for (to, from) in to.zip(row.chunks_exact(stored)) {
            to.copy_from_slice(&from[..channels]);
        }
    }
}

/// A chunk with the tables that it shares with others, and with Adobe's marker for what its
/// colours are.
fn whole_file(bytes: &[u8], layout: &Layout, range: (usize, usize)) -> Result<Vec<u8>, String> {
    const START: [u8; 2] = [0xff, SOI];
    let cut = |(at, length): (usize, usize)| bytes.get(at..at.checked_add(length)?);
    let Some(chunk) = cut(range).and_then(|chunk| chunk.strip_prefix(&START)) else {
        return Err("a strip or tile is no JPEG".into());
    };
    let tables = layout.tables.and_then(cut).unwrap_or_default();
    let tables = tables.strip_prefix(&START).unwrap_or_default();
    let tables = tables
        .strip_suffix(&[0xff, crate::jpeg::EOI])
        .unwrap_or(tables);
    let ycc = u8::from(layout.meaning == Meaning::Ycc);
    let adobe = [b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00", &[ycc][..]].concat();
    Ok([&START, &adobe[..], tables, chunk].concat())
}
