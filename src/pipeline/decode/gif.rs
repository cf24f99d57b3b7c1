//! The first frame of a GIF on its canvas, as PIL puts it there: a frame may be smaller
//! than the canvas, and what it leaves free has the transparent colour, or else the first.

use std::io::Cursor;
use std::num::NonZeroU64;

use gif::{DecodeOptions, DecodingError, MemoryLimit};

use super::limits::{BUDGET, Refusal, check_memory, check_size};
use super::picture::Picture;

/// Decodes a whole file.
pub(crate) fn decode(
    bytes: &[u8],
    max_pixels: usize,
    picture: &mut Picture,
) -> Result<(), Refusal> {
    let damaged = |e: DecodingError| Refusal::from(format!("the GIF is damaged: {e}"));
    let mut options = DecodeOptions::new();
    let budget = (max_pixels as u64).saturating_mul(BUDGET as u64);
    options.set_memory_limit(
        NonZeroU64::new(budget).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes),
    );
    let mut decoder = options.read_info(Cursor::new(bytes)).map_err(damaged)?;
    let screen = (decoder.width(), decoder.height());
    let frame = match decoder.next_frame_info().map_err(damaged)? {
        Some(frame) => frame.clone(),
        None => return Err("the GIF has no frame".into()),
    };
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let (across, down) = (usize::from(frame.width), usize::from(frame.height));
    // The canvas grows with a frame that reaches beyond it.
    let width = usize::from(screen.0).max(left + across);
    let height = usize::from(screen.1).max(top + down);
    check_size(width, height, max_pixels)?;
    check_size(across, down, max_pixels)?;
    check_memory(width, height, 4, max_pixels)?;
    let palette = Palette::of(frame.palette.as_deref().or(decoder.global_palette()));
    let mut indices = vec![0; across * down];
    decoder.read_into_buffer(&mut indices).map_err(damaged)?;

    let free = palette.0[usize::from(frame.transparent.unwrap_or(0))];
    picture.pixels.clear();
    picture.pixels.resize(width * height * 3, 0);
    let (canvas, _) = picture.pixels.as_chunks_mut::<3>();
    canvas.fill(free);
    for (row, indices) in indices.chunks_exact(across).enumerate() {
        let start = (top + row) * width + left;
        for (pixel, index) in canvas[start..start + across].iter_mut().zip(indices) {
            *pixel = palette.0[usize::from(*index)];
        }
    }
    picture.set_whole(width, height);
    Ok(())
}

/// 256 colours: those that a file leaves out are black.
struct Palette([[u8; 3]; 256]);

impl Palette {
    fn of(colors: Option<&[u8]>) -> Self {
        let mut palette = [[0; 3]; 256];
        let (colors, _) = colors.unwrap_or_default().as_chunks::<3>();
        for (entry, color) in palette.iter_mut().zip(colors) {
            *entry = *color;
        }
        Self(palette)
    }
}
