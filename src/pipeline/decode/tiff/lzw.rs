//! LZW inside TIFF: strips and tiles unpacked, their differences summed up, and put where
//! they belong.

use super::layout::{Kind, Layout};
use super::predictor::{Predictor, Stored};
use crate::pipeline::decode::limits::{Refusal, check_memory, check_size, unsupported};
use crate::pipeline::decode::lzw::{Flavor, Lzw};

/// The values as they are stored, those of more than 8 bits in the machine's order. The
/// memory for them is that of `samples`.
pub(super) fn samples(
    bytes: &[u8],
    layout: &Layout,
    max_pixels: usize,
    mut samples: Vec<u8>,
) -> Result<Vec<u8>, Refusal> {
    let damaged = |reason: String| format!("the TIFF is damaged: {reason}");
    let (across, down) = layout.chunk;
    let grid = layout.grid()?;
    // A tile may be larger than the picture.
    check_size(across, down, max_pixels)?;
    check_memory(across, down, layout.bytes_per_pixel(), max_pixels)?;
    let (row_bytes, chunk_bytes) = (layout.row_bytes(), layout.bytes_across(across));
    check(layout, grid.columns)?;
    let Some(mut lzw) = Lzw::new(Flavor::Tiff, 8) else {
        return Err(damaged("its codes have no length".into()).into());
    };
    let stored = Stored {
        predictor: layout.predictor,
        big_endian: layout.big_endian,
        bits: layout.bits,
        channels: if layout.planar { 1 } else { layout.channels },
    };
    let file = layout.in_bit_order(bytes);
    // Every one of them is written: the chunks cover the picture.
    samples.resize(layout.stored_bytes(), 0);
    let mut row = vec![0; chunk_bytes];
    for (index, (at, length)) in layout.chunks.iter().enumerate().take(grid.count) {
        let Some(coded) = at.checked_add(*length).and_then(|end| file.get(*at..end)) else {
            return Err(damaged(format!("strip or tile {index} lies outside the file")).into());
        };
        let (plane, within) = (index / grid.in_plane, index % grid.in_plane);
        let (left, top) = (within % grid.columns, within / grid.columns * down);
        let left = layout.bytes_across(left * across);
        let rows = down.min(layout.height - top);
        let values = lzw.decode(coded, rows * chunk_bytes).map_err(damaged)?;
        let shown = chunk_bytes.min(row_bytes - left);
        let start = (plane * layout.height + top) * row_bytes + left;
        for (y, values) in values.chunks_exact(chunk_bytes).enumerate() {
            let to = &mut samples[start + y * row_bytes..][..shown];
            if stored.is_plain() {
                to.copy_from_slice(&values[..shown]);
            } else {
                row.copy_from_slice(values);
                stored.restore(&mut row);
                to.copy_from_slice(&row[..shown]);
            }
        }
    }
    Ok(samples)
}

/// Refuses what no rule here restores.
fn check(layout: &Layout, columns: usize) -> Result<(), Refusal> {
    let fits = match layout.predictor {
        Predictor::None => true,
        Predictor::Horizontal => layout.bits >= 8,
        Predictor::Float => layout.kind == Kind::Float,
    };
    if !fits {
        let kind = format!(
            "differences of {:?} values of {} bits",
            layout.kind, layout.bits
        );
        return Err(unsupported("TIFF", kind));
    }
    let (across, _) = layout.chunk;
    if columns > 1 && layout.bytes_across(8 * across) != 8 * layout.bytes_across(across) {
        return Err(unsupported("TIFF", "tiles that end within a byte"));
    }
    Ok(())
}
