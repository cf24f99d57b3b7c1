//! The first frame of a GIF on its canvas, as PIL puts it there: a frame may be smaller
//! than the canvas, and what it leaves free has the transparent colour, or else the first.

use std::io::{Cursor, Read};
use std::num::NonZeroU64;

use gif::{DecodeOptions, DecodingError, MemoryLimit};

use super::limits::{BUDGET, Refusal, check_memory, check_size};
use super::lzw::{Flavor, Lzw};
use super::picture::Picture;

/// Decodes a whole file.
pub(crate) fn decode(
    bytes: &[u8],
    max_pixels: usize,
    picture: &mut Picture,
) -> Result<(), Refusal> {
    /// Ends the frame and the file, where a file that has all pixels has lost them.
    const END: &[u8] = &[0, b';'];
    let damaged = |e: DecodingError| Refusal::from(format!("the GIF is damaged: {e}"));
    let mut options = DecodeOptions::new();
    let budget = (max_pixels as u64).saturating_mul(BUDGET as u64);
    options.set_memory_limit(
        NonZeroU64::new(budget).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes),
    );
    options.skip_frame_decoding(true);
    let open = || options.clone().read_info(Cursor::new(bytes).chain(END));
    // The sizes first: for the frame's data memory is taken by its size.
    let mut decoder = open().map_err(damaged)?;
    let (wide, high) = (decoder.width(), decoder.height());
    let Some(frame) = decoder.next_frame_info().map_err(damaged)? else {
        return Err("the GIF has no frame".into());
    };
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let (across, down) = (usize::from(frame.width), usize::from(frame.height));
    // The canvas grows with a frame that reaches beyond it.
    let width = usize::from(wide).max(left + across);
    let height = usize::from(high).max(top + down);
    check_size(width, height, max_pixels)?;
    check_size(across, down, max_pixels)?;
    check_memory(width, height, 4, max_pixels)?;

    let mut decoder = open().map_err(damaged)?;
    let shared = decoder.global_palette().map(<[u8]>::to_vec);
    let Some(frame) = decoder.read_next_frame().map_err(damaged)? else {
        return Err("the GIF has no frame".into());
    };
    let palette = Palette::of(frame.palette.as_deref().or(shared.as_deref()));
    // The first byte of the data says how long codes are.
    let coded = frame.buffer.split_first();
    let lzw = coded.and_then(|(bits, data)| Some((Lzw::new(Flavor::Gif, (*bits).into())?, data)));
    let Some((mut lzw, data)) = lzw else {
        return Err("the GIF is damaged: its codes have no length".into());
    };
    let indices = lzw
        .decode(data, across * down)
        .map_err(|e| format!("the GIF is damaged: {e}"))?;

    picture.pixels.resize(width * height * 3, 0);
    let (canvas, _) = picture.pixels.as_chunks_mut::<3>();
    if (across, down) != (width, height) {
        canvas.fill(palette.0[usize::from(frame.transparent.unwrap_or(0))]);
    }
    for (row, indices) in order(down, frame.interlaced).zip(indices.chunks_exact(across)) {
        let start = (top + row) * width + left;
        palette.paint(indices, &mut canvas[start..start + across]);
    }
    picture.set_whole(width, height);
    Ok(())
}

/// The rows of a frame in the order in which they are stored: where they are interlaced,
/// every eighth, those in the middle between them, and so on.
fn order(rows: usize, interlaced: bool) -> impl Iterator<Item = usize> {
    let passes: &[(usize, usize)] = if interlaced {
        &[(0, 8), (4, 8), (2, 4), (1, 2)]
    } else {
        &[(0, 1)]
    };
    passes
        .iter()
        .flat_map(move |(first, step)| (*first..rows).step_by(*step))
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

    fn paint(&self, indices: &[u8], pixels: &mut [[u8; 3]]) {
        for (pixel, index) in pixels.iter_mut().zip(indices) {
            *pixel = self.0[usize::from(*index)];
        }
    }
}
