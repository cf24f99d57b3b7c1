//! Resampling with PIL's arithmetic, to the bit: the same taps, 22-bit weights and order
//! of the two passes, each rounded to 8 bits (Pillow, `src/libImaging/Resample.c`).
//!
//! A faster library was measured first: `fast_image_resize` has 16-bit weights and is one
//! step off in 1 to 2 of 1000 values, which moves a probability of an 8-bit MobileNet by
//! up to 0.04. A classifier should answer on the device what it answered in training.

use pulp::{Arch, NullaryFnOnce};

use super::taps::{Axis, PRECISION, Taps};
use super::weave::{ROWS, Steps, unweave, weave};
use crate::model::manifest::Filter;

/// Values of a colour.
pub(super) const CHANNELS: usize = 3;
/// Values of a row that are summed side by side, in several wide registers.
const BLOCK: usize = 32;

/// The resampler with its buffers.
pub(super) struct Resampler {
    arch: Arch,
    across: Taps,
    down: Taps,
    loom: Loom,
    /// The picture between the two passes.
    between: Vec<u8>,
}

/// What the pass over columns works in.
#[derive(Default)]
struct Loom {
    steps: Steps,
    /// Rows of the source, woven.
    wide: Vec<u8>,
    /// The same, resampled.
    narrow: Vec<u8>,
}

/// A picture, or the region of one that begins at `x`, `y`.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    /// Row after row, channels interleaved.
    pub pixels: &'a [u8],
    /// Pixels per row.
    pub width: usize,
    /// Values per pixel, 1 or [`CHANNELS`].
    pub channels: usize,
    /// Columns of the whole picture left of the region.
    pub x: usize,
    /// Rows of the whole picture above it.
    pub y: usize,
}

impl Resampler {
    /// A resampler for this processor.
    pub(super) fn new() -> Self {
        Self {
            arch: Arch::new(),
            across: Taps::default(),
            down: Taps::default(),
            loom: Loom::default(),
            between: Vec::new(),
        }
    }

    /// Resizes and crops `view` into `out`, which gets `across.kept * down.kept` pixels of
    /// as many values.
    pub(super) fn run(
        &mut self,
        view: View,
        across: Axis,
        down: Axis,
        filter: Filter,
        antialias: bool,
        out: &mut Vec<u8>,
    ) {
        self.across.prepare(across, filter, antialias);
        self.down.prepare(down, filter, antialias);
        let mut between = std::mem::take(&mut self.between);
        if rows_first(across, down) {
            self.resample_rows(view, &mut between);
            let view = View {
                pixels: &between,
                y: 0,
                ..view
            };
            self.resample_columns(view, 0, down.kept, out);
        } else {
            let (first, last) = self.down.reach();
            self.resample_columns(view, first - view.y, last - first, &mut between);
            let view = View {
                pixels: &between,
                width: across.kept,
                y: first,
                ..view
            };
            self.resample_rows(view, out);
        }
        self.between = between;
    }

    /// Makes `count` rows of `view`, from row `first`, as wide as is kept.
    fn resample_columns(&mut self, view: View, first: usize, count: usize, out: &mut Vec<u8>) {
        let (lanes, kept) = (view.channels * ROWS, self.across.spans.len());
        out.resize(count * kept * view.channels, 0);
        self.loom.wide.resize(view.width * lanes, 0);
        self.loom.narrow.resize(kept * lanes, 0);
        if view.channels == 1 {
            self.columns::<ROWS>(view, first, count, out);
        } else {
            self.columns::<{ CHANNELS * ROWS }>(view, first, count, out);
        }
    }

    fn columns<const LANES: usize>(
        &mut self,
        view: View,
        first: usize,
        count: usize,
        out: &mut [u8],
    ) {
        self.arch.dispatch(Columns::<LANES> {
            view,
            first,
            count,
            stride: view.channels * ROWS,
            taps: &self.across,
            loom: &mut self.loom,
            out,
        });
    }

    /// Makes the rows that are kept, as wide as `view` is.
    fn resample_rows(&mut self, view: View, out: &mut Vec<u8>) {
        let stride = view.width * view.channels;
        out.resize(self.down.spans.len() * stride, 0);
        self.arch.dispatch(Rows {
            pixels: view.pixels,
            stride,
            first: view.y,
            taps: &self.down,
            out,
        });
    }
}

/// Whether PIL resamples rows before columns. It does, from Pillow 12 or 13 on, where the
/// height shrinks by more than twice as many pixels as the width: seen by comparing its
/// results with those of the two orders, over some thousand sizes.
fn rows_first(across: Axis, down: Axis) -> bool {
    let shrinks = |axis: Axis| axis.source.saturating_sub(axis.resized);
    across.source != across.resized && shrinks(down) > 2 * shrinks(across)
}

/// The pass over columns, of several rows at a time: woven together, a column of them is a
/// row. A struct instead of a closure, because only so is the whole loop compiled for the
/// processor at hand; plain indices for the same reason (adapters of iterators are not
/// inlined there).
struct Columns<'a, const LANES: usize> {
    view: View<'a>,
    first: usize,
    count: usize,
    /// `LANES` again: a stride that the compiler knows makes it gather single bytes.
    stride: usize,
    taps: &'a Taps,
    loom: &'a mut Loom,
    out: &'a mut [u8],
}

impl<const LANES: usize> NullaryFnOnce for Columns<'_, LANES> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            view,
            first,
            count,
            stride,
            taps,
            loom,
            out,
        } = self;
        let source = view.width * view.channels;
        let kept = taps.spans.len() * view.channels;
        let mut line = 0;
        while line < count {
            // Of a last strip that is not full, the last row is woven several times.
            let row = |row: usize| (first + (line + row).min(count - 1)) * source;
            let [a, b, c, d, e, f, g, h] = [0, 1, 2, 3, 4, 5, 6, 7].map(row);
            let rows = [a, b, c, d, e, f, g, h].map(|start| &view.pixels[start..][..source]);
            weave(rows, &mut loom.steps, &mut loom.wide);
            weigh::<LANES>(&loom.wide, stride, view.x, taps, &mut loom.narrow);
            let rows = ROWS.min(count - line);
            unweave(&loom.narrow, kept, &mut out[line * kept..][..rows * kept]);
            line += ROWS;
        }
    }
}

/// The pass over rows.
struct Rows<'a> {
    pixels: &'a [u8],
    stride: usize,
    first: usize,
    taps: &'a Taps,
    out: &'a mut [u8],
}

impl NullaryFnOnce for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            pixels,
            stride,
            first,
            taps,
            out,
        } = self;
        if stride < BLOCK {
            weigh::<1>(pixels, stride, first, taps, out);
        } else {
            weigh::<BLOCK>(pixels, stride, first, taps, out);
        }
    }
}

/// Every kept row from its span of source rows of `stride` bytes, of which the first is row
/// `first` of the picture. `BLOCK` bytes at once; where they do not come out even, some are
/// computed twice.
#[inline(always)]
fn weigh<const BLOCK: usize>(
    pixels: &[u8],
    stride: usize,
    first: usize,
    taps: &Taps,
    out: &mut [u8],
) {
    for index in 0..taps.spans.len() {
        let (start, count) = taps.spans[index];
        let weights = &taps.weights[index * taps.count..][..count];
        let rows = &pixels[(start - first) * stride..][..count * stride];
        let out = &mut out[index * stride..][..stride];
        for block in 0..stride.div_ceil(BLOCK) {
            let at = (block * BLOCK).min(stride - BLOCK);
            let mut sums = [1_i32 << (PRECISION - 1); BLOCK];
            for tap in 0..count {
                let values = &rows[at + tap * stride..][..BLOCK];
                for lane in 0..BLOCK {
                    sums[lane] += i32::from(values[lane]) * weights[tap];
                }
            }
            let out = &mut out[at..][..BLOCK];
            for lane in 0..BLOCK {
                out[lane] = (sums[lane] >> PRECISION).clamp(0, 255) as u8;
            }
        }
    }
}
